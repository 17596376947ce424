/** Charts over runs: those chosen, or else the first of the table. What is drawn is in the address; layouts have names in this browser. */
import { useSignal } from "@preact/signals";
import { remember, remembered } from "../../memory";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { Empty, Loading } from "../../parts/notices";
import { useResource } from "../../resource";
import { query, setQuery } from "../../router";
import { columnsOf } from "../runs/choosers";
import { loadRows, type Asked, type Keys, type RunRow } from "../runs/data";
import type { XAxis } from "./data";
import { Lines } from "./lines";
import { Bars, Parallel, Scatter } from "./points";
import "./charts.css";

const FIRST = 20;
const MOST = 100;
const METRICS = 6;
const KINDS = [
  ["", "Lines"],
  ["scatter", "Scatter"],
  ["bars", "Bars"],
  ["parallel", "Parallel"],
] as const;
const LAYOUT = ["kind", "metrics", "x", "log", "smooth", "band", "sx", "sy"] as const;

interface Props {
  readonly asked: Asked;
  readonly keys: Keys;
  readonly chosen: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
}

export function Charts({ asked, keys, chosen, hidden }: Props) {
  const columns = columnsOf(keys).slice(0, 150);
  const ids = [...chosen].slice(0, MOST);
  const wanted: Asked = ids.length ? { ...asked, columns, filter: `attributes.run_id IN (${ids.map((id) => `'${id}'`).join(", ")})` } : { ...asked, columns };
  const limit = ids.length ? MOST : Number(query("runs")) || FIRST;
  const { data } = useResource(JSON.stringify([wanted, limit]), async (abort) => (await loadRows(wanted, 0, Math.min(limit, MOST), abort)).rows);
  if (!data) return <Loading />;
  const runs = data.filter((row) => !hidden.has(row.id));
  if (!runs.length) return <Empty title="No runs to draw" icon="chart" />;
  const kind = query("kind");
  return (
    <div class="charts">
      <div class="row">
        <div class="segments" role="group" aria-label="Kind of chart">
          {KINDS.map(([key, text]) => (
            <button key={key} aria-pressed={kind === key} onClick={() => setQuery({ kind: key })}>
              {text}
            </button>
          ))}
        </div>
        <Options kind={kind} columns={columns} keys={keys} />
        <span class="grow" />
        <span class="soft small">{ids.length ? `${runs.length} chosen` : `the first ${runs.length}`}</span>
        <Layouts />
      </div>
      <Drawn kind={kind} runs={runs} columns={columns} keys={keys} />
    </div>
  );
}

interface DrawnProps {
  readonly kind: string;
  readonly runs: readonly RunRow[];
  readonly columns: readonly string[];
  readonly keys: Keys;
}

const shownMetrics = (keys: Keys): readonly string[] => (query("metrics") ? query("metrics").split(",").filter((key) => keys.metrics.includes(key)) : keys.metrics.slice(0, METRICS));
const ofX = (columns: readonly string[]) => query("sx") || columns.find((column) => column.startsWith("params.")) || columns[0] || "";
const ofY = (columns: readonly string[]) => query("sy") || columns.find((column) => column.startsWith("metrics.")) || columns[0] || "";

function Drawn({ kind, runs, columns, keys }: DrawnProps) {
  if (kind === "scatter") return <div class="card chart big"><Scatter runs={runs} columns={columns} x={ofX(columns)} y={ofY(columns)} /></div>;
  if (kind === "bars") return <div class="card chart big"><Bars runs={runs} columns={columns} y={ofY(columns)} /></div>;
  if (kind === "parallel") {
    const shown = [...keys.params.slice(0, 5).map((key) => `params.${key}`), ...keys.metrics.slice(0, 3).map((key) => `metrics.${key}`)];
    const narrowed = runs.map((row) => ({ ...row, cells: shown.map((column) => row.cells[columns.indexOf(column)] ?? null) }));
    return <div class="card chart big"><Parallel runs={narrowed} columns={shown} /></div>;
  }
  const options = { axis: (query("x") || "step") as XAxis, isLog: query("log") === "1", smoothing: Number(query("smooth")) || 0, hasBand: query("band") !== "0" };
  return (
    <div class="chart-list">
      {shownMetrics(keys).map((metric) => (
        <Lines key={metric} metric={metric} runs={runs} height={230} {...options} />
      ))}
    </div>
  );
}

function Options({ kind, columns, keys }: { kind: string; columns: readonly string[]; keys: Keys }) {
  if (kind === "parallel") return null;
  if (kind) {
    return (
      <>
        {kind === "scatter" && <Choice label="Across" value={ofX(columns)} all={columns} onChange={(sx) => setQuery({ sx })} />}
        <Choice label="Up" value={ofY(columns)} all={columns} onChange={(sy) => setQuery({ sy })} />
      </>
    );
  }
  const shown = shownMetrics(keys);
  const toggle = (key: string) => setQuery({ metrics: (shown.includes(key) ? shown.filter((other) => other !== key) : [...shown, key]).join(",") });
  return (
    <>
      <Menu closes={false} label={<><Icon name="chart" /> Metrics</>}>
        {keys.metrics.slice(0, 200).map((key) => (
          <label key={key}>
            <input type="checkbox" checked={shown.includes(key)} onChange={() => toggle(key)} />
            <span class="clip">{key}</span>
          </label>
        ))}
      </Menu>
      <select class="chooser" aria-label="X axis" value={query("x") || "step"} onChange={(event) => setQuery({ x: event.currentTarget.value })}>
        <option value="step">by step</option>
        <option value="time">by time</option>
        <option value="relative">by time since start</option>
      </select>
      <button class={`button${query("log") === "1" ? " on" : ""}`} aria-pressed={query("log") === "1"} onClick={() => setQuery({ log: query("log") === "1" ? "" : "1" })}>
        Log
      </button>
      <button class={`button${query("band") === "0" ? "" : " on"}`} aria-pressed={query("band") !== "0"} onClick={() => setQuery({ band: query("band") === "0" ? "" : "0" })}>
        Band
      </button>
      <label class="row small soft">
        Smooth
        <input type="range" min="0" max="0.99" step="0.01" value={query("smooth") || "0"} onInput={(event) => setQuery({ smooth: event.currentTarget.value === "0" ? "" : event.currentTarget.value }, { replace: true })} />
      </label>
    </>
  );
}

function Choice({ label, value, all, onChange }: { label: string; value: string; all: readonly string[]; onChange: (value: string) => void }) {
  return (
    <div class="row small soft">
      {label}
      <select class="chooser" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {all.map((column) => (
          <option key={column}>{column}</option>
        ))}
      </select>
    </div>
  );
}

/** What is drawn, kept under a name. */
function Layouts() {
  const kept = useSignal(remembered<Record<string, Record<string, string>>>("layouts", {}));
  const name = useSignal("");
  const keep = (next: Record<string, Record<string, string>>) => {
    kept.value = next;
    remember("layouts", next);
  };
  const save = (event: Event) => {
    event.preventDefault();
    if (!name.value.trim()) return;
    keep({ ...kept.value, [name.value.trim()]: Object.fromEntries(LAYOUT.map((key) => [key, query(key)])) });
    name.value = "";
  };
  return (
    <Menu alignRight closes={false} label={<><Icon name="copy" /> Layouts</>}>
      {Object.entries(kept.value).map(([title, layout]) => (
        <button key={title} onClick={() => setQuery(Object.fromEntries(LAYOUT.map((key) => [key, layout[key] ?? ""])))}>
          <span class="grow clip">{title}</span>
          <span
            role="button"
            tabIndex={0}
            aria-label={`Forget layout ${title}`}
            onClick={(event) => {
              event.stopPropagation();
              keep(Object.fromEntries(Object.entries(kept.value).filter(([other]) => other !== title)));
            }}
          >
            <Icon name="close" size={12} />
          </span>
        </button>
      ))}
      <form class="row" onSubmit={save}>
        <input class="field" placeholder="Keep this as…" aria-label="Name of the layout" value={name.value} onInput={(event) => (name.value = event.currentTarget.value)} />
      </form>
    </Menu>
  );
}
