/** Lines of one metric over many runs. Zooming (drag) asks for what is in view: from some size on, that is every point. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import { useSignal } from "@preact/signals";
import uPlot from "uplot";
import { number, plural } from "../../format";
import { Icon } from "../../parts/icon";
import { Notice } from "../../parts/notices";
import { useResource } from "../../resource";
import { isDark } from "../../theme";
import { colourOf } from "../runs/colours";
import type { RunRow } from "../runs/data";
import { best, loadSeries, smoothed, xOf, type Series, type XAxis } from "./data";

export interface LineOptions {
  readonly axis: XAxis;
  readonly isLog: boolean;
  readonly smoothing: number;
  readonly hasBand: boolean;
}

interface Props extends LineOptions {
  readonly metric: string;
  readonly runs: readonly RunRow[];
  readonly height: number;
}

/** A loss is good when it is small; what else is measured, when it is great. */
const isLeastBest = (metric: string) => /loss|err|rmse|mse|mae|latency|time|perplexity/i.test(metric);
const BANDS_MOST = 12;

export function Lines({ metric, runs, axis, isLog, smoothing, hasBand, height }: Props) {
  const zoom = useSignal<readonly [number, number] | undefined>(undefined);
  const ids = runs.map((row) => row.id);
  const bounds = axis === "step" && zoom.value ? { first: zoom.value[0], last: zoom.value[1] } : {};
  const { data, failure } = useResource(JSON.stringify([ids, metric, bounds]), (abort) => loadSeries({ runs: ids, key: metric, ...bounds }, abort));
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot>(undefined);
  const isDarkNow = isDark();
  const drawn = useMemo(() => data && prepared(data, runs, { axis, isLog, smoothing, hasBand }), [data, axis, isLog, smoothing, hasBand, ids.join()]);
  useEffect(() => {
    if (!drawn || !box.current) return;
    const style = getComputedStyle(document.documentElement);
    const ink = resolved(style, "--ink-soft");
    const line = resolved(style, "--line");
    const zoomed = (plot: uPlot) => {
      const { left, width } = plot.select;
      if (width < 4) return;
      zoom.value = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    };
    const axes = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui, sans-serif" };
    const plot = new uPlot(
      {
        width: box.current.clientWidth,
        height,
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, focus: { prox: 24 }, points: { size: 7 } },
        focus: { alpha: 0.25 },
        scales: { x: { time: axis === "time", ...(zoom.value ? { range: [zoom.value[0], zoom.value[1]] } : {}) }, y: { distr: isLog ? 3 : 1 } },
        axes: [axes, { ...axes, size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick))) }],
        series: [{}, ...drawn.series],
        bands: drawn.bands,
        hooks: { setSelect: [zoomed], setCursor: [(found) => told(found, drawn, box.current)] },
      },
      drawn.columns,
      box.current,
    );
    chart.current = plot;
    const watcher = new ResizeObserver(([entry]) => plot.setSize({ width: entry!.contentRect.width, height }));
    watcher.observe(box.current);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [drawn, isDarkNow, height]);
  const points = data?.reduce((sum, item) => sum + item.total, 0) ?? 0;
  const top = drawn?.best;
  return (
    <figure class="card chart">
      <figcaption class="row">
        <h3 class="clip" title={metric}>
          {metric}
        </h3>
        <span class="faint small grow clip">{data && `${plural(points, "point")}${data.every((item) => item.exact) ? "" : ", in buckets"}`}</span>
        {top && (
          <span class="small soft clip" title="Best point">
            best {number(top.value)} at {number(top.step)}, {top.name}
          </span>
        )}
        {zoom.value && (
          <button class="button plain icon" aria-label={`Show all of ${metric}`} title="Show all" onClick={() => (zoom.value = undefined)}>
            <Icon name="zoom" />
          </button>
        )}
      </figcaption>
      <Notice failure={failure} />
      {data?.length === 0 && <p class="loading">These runs have no points of it.</p>}
      <div ref={box} class="plot" role="img" aria-label={`${metric} of ${plural(runs.length, "run")}`} data-points={data ? points : undefined} style={{ minHeight: `${height}px` }} />
      <p class="reading small mono clip" aria-hidden="true">
         
      </p>
    </figure>
  );
}

interface Drawn {
  readonly columns: uPlot.AlignedData;
  readonly series: uPlot.Series[];
  readonly bands: uPlot.Band[];
  readonly names: readonly string[];
  readonly best: { readonly value: number; readonly step: number; readonly name: string } | undefined;
}

/** All curves on one x axis: uPlot wants its columns aligned. */
function prepared(found: readonly Series[], runs: readonly RunRow[], { axis, smoothing, hasBand, isLog }: LineOptions): Drawn {
  const byId = new Map(runs.map((row) => [row.id, row]));
  const shown = found.filter((item) => byId.has(item.run_id));
  const tables: uPlot.AlignedData[] = [];
  const series: uPlot.Series[] = [];
  const bands: uPlot.Band[] = [];
  const names: string[] = [];
  let top: Drawn["best"];
  const positive = (values: readonly number[]) => (isLog ? values.map((value) => (value > 0 ? value : null)) : values);
  for (const item of shown) {
    const row = byId.get(item.run_id)!;
    const colour = colourOf(item.run_id);
    const isBanded = hasBand && !item.exact && shown.length <= BANDS_MOST;
    const [xs, lines] = distinct(xOf(item, axis, item.columns[1]![0]!), [smoothed(item.columns[2]!, smoothing), ...(isBanded ? [item.columns[3]!, item.columns[4]!] : [])]);
    tables.push([xs, ...lines.map(positive)] as uPlot.AlignedData);
    series.push({ label: row.name, stroke: colour, width: 1.5, spanGaps: true, points: { show: item.total < 3 } });
    names.push(row.name);
    if (isBanded) {
      series.push({ show: true, width: 0, points: { show: false } }, { show: true, width: 0, points: { show: false } });
      names.push("", "");
      bands.push({ series: [series.length, series.length - 1], fill: `${colour}33` });
    }
    const isLeast = isLeastBest(item.key);
    const values = item.exact ? item.columns[2]! : item.columns[isLeast ? 3 : 4]!;
    const at = best(values, isLeast);
    const value = values[at]!;
    if (!top || (isLeast ? value < top.value : value > top.value)) top = { value, step: item.columns[0]![at]!, name: row.name };
  }
  return { columns: tables.length ? uPlot.join(tables) : [[]], series, bands, names, best: top };
}

/** Of points with one x the last counts: what is joined must rise. */
function distinct(xs: readonly number[], columns: readonly (readonly number[])[]): [number[], number[][]] {
  const order = xs.map((_, at) => at).sort((one, other) => xs[one]! - xs[other]!);
  const kept = order.filter((at, place) => place === order.length - 1 || xs[at] !== xs[order[place + 1]!]);
  return [kept.map((at) => xs[at]!), columns.map((column) => kept.map((at) => column[at]!))];
}

/** What is under the pointer, in words below the chart. */
function told(plot: uPlot, drawn: Drawn, box: HTMLElement | null): void {
  const line = box?.parentElement?.querySelector(".reading");
  if (!line) return;
  const at = plot.cursor.idx;
  if (at === null || at === undefined) {
    line.textContent = " ";
    return;
  }
  const near = drawn.names
    .map((name, index) => ({ name, value: plot.data[index + 1]?.[at], gap: Math.abs(plot.valToPos(plot.data[index + 1]?.[at] ?? NaN, "y") - (plot.cursor.top ?? 0)) }))
    .filter((item) => item.name && item.value !== null && item.value !== undefined)
    .sort((one, other) => one.gap - other.gap)[0];
  line.textContent = near ? `${near.name}: ${number(near.value)} at ${number(plot.data[0]![at]!)}` : " ";
}

/** The colour that a variable stands for; a canvas knows no `light-dark`. */
function resolved(style: CSSStyleDeclaration, name: string): string {
  const [light, dark] = /light-dark\((.+?),\s*(.+)\)/.exec(style.getPropertyValue(name))?.slice(1) ?? [];
  return (isDark() ? dark : light) ?? style.getPropertyValue(name);
}
