/** Metrics of a run: their latest values, and lines of those that are opened. What is open is in the address (`open`). */
import { number, plural } from "../../format";
import "../../parts/cards.css";
import { Empty } from "../../parts/notices";
import { query, setQuery } from "../../router";
import type { MetricPoint } from "../../types";
import { MetricChart, type Axis } from "./chart";
import { isSystemMetric, type WholeRun } from "./data";

const OPEN_AT_FIRST = 4;
const NONE = "-";

const packed = (names: readonly string[]) => names.map(encodeURIComponent).join(",") || NONE;

function opened(metrics: readonly MetricPoint[]): readonly string[] {
  const told = query("open");
  if (told) return told === NONE ? [] : told.split(",").map(decodeURIComponent);
  const lines = metrics.filter((metric) => metric.step > 0 && !isSystemMetric(metric.key));
  return (lines.length ? lines : metrics.filter((metric) => metric.step > 0)).slice(0, OPEN_AT_FIRST).map((metric) => metric.key);
}

export function Metrics({ run }: { run: WholeRun }) {
  const metrics = [...(run.data.metrics ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1));
  const open = opened(metrics);
  const axis: Axis = query("x") === "time" ? "time" : "step";
  const isLog = query("y") === "log";
  const toggle = (key: string) => setQuery({ open: packed(open.includes(key) ? open.filter((other) => other !== key) : [...open, key]) }, { replace: true });
  const known = open.filter((key) => metrics.some((metric) => metric.key === key));
  if (!metrics.length) return <Empty title="No metrics" icon="chart" command={`mlctl.log_metric("loss", 0.1, step=1)`} />;
  return (
    <div class="stack">
      <div class="row">
        <div class="segments" role="group" aria-label="Horizontal axis">
          <button aria-pressed={axis === "step"} onClick={() => setQuery({ x: "" }, { replace: true })}>
            Step
          </button>
          <button aria-pressed={axis === "time"} onClick={() => setQuery({ x: "time" }, { replace: true })}>
            Time
          </button>
        </div>
        <button class={`button${isLog ? " on" : ""}`} aria-pressed={isLog} onClick={() => setQuery({ y: isLog ? "" : "log" }, { replace: true })}>
          Log scale
        </button>
        <span class="soft small">{plural(metrics.length, "metric")}; mark a part of a line to look closer</span>
      </div>
      <div class="charts">
        {known.map((key) => (
          <MetricChart key={key} run={run.info.run_id} metric={key} axis={axis} isLog={isLog} onClose={() => toggle(key)} />
        ))}
      </div>
      <MetricTable title="Metrics" metrics={metrics.filter((metric) => !isSystemMetric(metric.key))} open={open} onToggle={toggle} />
      <MetricTable title="System metrics" metrics={metrics.filter((metric) => isSystemMetric(metric.key))} open={open} onToggle={toggle} />
    </div>
  );
}

interface TableProps {
  readonly title: string;
  readonly metrics: readonly MetricPoint[];
  readonly open: readonly string[];
  readonly onToggle: (key: string) => void;
}

function MetricTable({ title, metrics, open, onToggle }: TableProps) {
  if (!metrics.length) return null;
  return (
    <div class="card scroll">
      <table class="list pairs">
        <thead>
          <tr>
            <th>{title}</th>
            <th class="num">Latest</th>
            <th class="num">Step</th>
            <th class="num">Chart</th>
          </tr>
        </thead>
        <tbody>
          {metrics.map((metric) => (
            <tr key={metric.key}>
              <td class="key">{metric.key}</td>
              <td class="num" title={String(metric.value)}>
                {number(metric.value)}
              </td>
              <td class="num soft">{metric.step}</td>
              <td class="num">
                <input type="checkbox" checked={open.includes(metric.key)} aria-label={`Chart of ${metric.key}`} onChange={() => onToggle(metric.key)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
