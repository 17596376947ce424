/** The line of one metric. What is drawn is sampled by the server; a part that is marked with the mouse is asked for anew, and is exact. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { number } from "../../format";
import { Icon } from "../../parts/icon";
import { Notice } from "../../parts/notices";
import { useResource } from "../../resource";
import { isDark } from "../../theme";
import type { MetricPoint } from "../../types";
import { loadHistory, type Range } from "./data";

const HEIGHT = 220;
export type Axis = "step" | "time";

const colour = (name: string) => {
  const found = getComputedStyle(document.documentElement).getPropertyValue(`--chart-${name}`);
  return found.trim() || "#888";
};

function columns(points: readonly MetricPoint[], axis: Axis): [number[], (number | null)[]] {
  const place = (point: MetricPoint) => (axis === "step" ? Number(point.step) : Number(point.timestamp) / 1000);
  const sorted = points.map((point) => [place(point), Number(point.value)] as const).sort((a, b) => a[0] - b[0]);
  return [sorted.map(([x]) => x), sorted.map(([, y]) => (Number.isFinite(y) ? y : null))];
}

interface Drawing {
  readonly axis: Axis;
  readonly isLog: boolean;
  readonly name: string;
  readonly width: number;
  readonly isSingle: boolean;
  readonly onZoom: (range: Range) => void;
}

function options({ axis, isLog, name, width, isSingle, onZoom }: Drawing): uPlot.Options {
  const lines = { stroke: colour("ink"), grid: { stroke: colour("grid"), width: 1 }, ticks: { stroke: colour("grid"), width: 1 } };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
    scales: { x: { time: axis === "time" }, y: isLog ? { distr: 3 } : {} },
    axes: [lines, { ...lines, size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick))) }],
    series: [
      { label: axis === "step" ? "step" : "time" },
      { label: name, stroke: colour("line"), width: 1.8, spanGaps: true, points: { show: isSingle, size: 8 }, value: (_, value) => number(value) },
    ],
    hooks: {
      setSelect: [
        (plot) => {
          if (plot.select.width < 4) return;
          onZoom({ from: plot.posToVal(plot.select.left, "x"), to: plot.posToVal(plot.select.left + plot.select.width, "x") });
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

interface Props {
  readonly run: string;
  readonly metric: string;
  readonly axis: Axis;
  readonly isLog: boolean;
  readonly onClose: () => void;
}

export function MetricChart({ run, metric, axis, isLog, onClose }: Props) {
  const zoom = useSignal<Range | undefined>(undefined);
  const range = zoom.value;
  const asked = axis === "step" ? range : undefined;
  const { data, failure } = useResource(JSON.stringify([run, metric, asked]), (abort) => loadHistory(run, metric, asked, abort));
  useEffect(() => {
    zoom.value = undefined;
  }, [axis]);
  const shown = range && axis === "time" ? data?.filter(({ timestamp: at }) => at / 1000 >= range.from && at / 1000 <= range.to) : data;
  const values = (shown ?? []).map((point) => Number(point.value)).filter(Number.isFinite);
  return (
    <figure class="card chart">
      <figcaption class="row">
        <h3 class="clip grow" title={metric}>
          {metric}
        </h3>
        {range && (
          <button class="button plain" onClick={() => (zoom.value = undefined)}>
            <Icon name="zoom" size={14} /> All
          </button>
        )}
        <button class="button plain icon" aria-label={`Close the chart of ${metric}`} onClick={onClose}>
          <Icon name="close" size={14} />
        </button>
      </figcaption>
      <Notice failure={failure} />
      {shown && <Plot points={shown} axis={axis} isLog={isLog && values.every((value) => value > 0)} name={metric} onZoom={(next) => (zoom.value = next)} />}
      {values.length > 0 && (
        <p class="soft small">
          lowest {number(Math.min(...values))} · highest {number(Math.max(...values))} · last {number(values.at(-1))}
        </p>
      )}
    </figure>
  );
}

interface PlotProps {
  readonly points: readonly MetricPoint[];
  readonly axis: Axis;
  readonly isLog: boolean;
  readonly name: string;
  readonly onZoom: (range: Range) => void;
}

function Plot({ points, axis, isLog, name, onZoom }: PlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const dark = isDark();
  const isSingle = points.length < 2;
  useEffect(() => {
    const place = box.current!;
    const made = (plot.current = new uPlot(options({ axis, isLog, name, width: place.clientWidth, isSingle, onZoom }), columns(points, axis), place));
    const watch = new ResizeObserver(() => made.setSize({ width: place.clientWidth, height: HEIGHT }));
    watch.observe(place);
    return () => {
      watch.disconnect();
      made.destroy();
    };
  }, [axis, isLog, name, dark, isSingle]);
  useEffect(() => plot.current?.setData(columns(points, axis)), [points, axis]);
  return <div class="plot" ref={box} role="img" aria-label={`${name} by ${axis}: ${points.length} points`} />;
}
