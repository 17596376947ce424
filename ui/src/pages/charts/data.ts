/** Curves of the server, as a chart draws them. */
import { own } from "../../api";

export interface Series {
  readonly run_id: string;
  readonly key: string;
  readonly total: number;
  /** Whether the columns are all points (steps, times, values), or buckets (steps, times, means, least, greatest). */
  readonly exact: boolean;
  readonly columns: readonly (readonly number[])[];
}

export type XAxis = "step" | "time" | "relative";

const POINTS_IN_ALL = 24_000;

export interface Curves {
  readonly runs: readonly string[];
  readonly key: string;
  readonly first?: number;
  readonly last?: number;
}

/** Fewer buckets for each of many runs: a chart is some hundred dots wide, and its lines lie over one another. */
export async function loadSeries({ runs, key, first, last }: Curves, abort?: AbortSignal): Promise<Series[]> {
  const buckets = Math.max(100, Math.min(800, Math.floor(POINTS_IN_ALL / Math.max(1, runs.length))));
  const bounds = first === undefined || last === undefined ? {} : { first: Math.floor(first), last: Math.ceil(last) };
  return (await own.post<{ series: Series[] }>("metrics/series", { run_ids: runs, keys: [key], buckets, ...bounds }, abort)).series;
}

/** Exponential smoothing, corrected for its start. */
export function smoothed(values: readonly number[], weight: number): number[] {
  if (!weight) return [...values];
  let sum = 0;
  let norm = 0;
  return values.map((value) => {
    sum = weight * sum + (1 - weight) * value;
    norm = weight * norm + (1 - weight);
    return sum / norm;
  });
}

export function xOf(series: Series, axis: XAxis, start: number): readonly number[] {
  if (axis === "step") return series.columns[0]!;
  const from = axis === "relative" ? start : 0;
  return series.columns[1]!.map((time) => (time - from) / 1000);
}

export function best(values: readonly number[], isLeast: boolean): number {
  let found = 0;
  for (let at = 1; at < values.length; at++) if (isLeast ? values[at]! < values[found]! : values[at]! > values[found]!) found = at;
  return found;
}
