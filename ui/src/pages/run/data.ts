/** One run, and what is done with it. */
import { get, own, post } from "../../api";
import { lookNow } from "../../live";
import { attempt } from "../../parts/toasts";
import { NOTE, tagOf, type KeyValue, type MetricPoint, type Run } from "../../types";

export interface DatasetInput {
  readonly dataset: { readonly name: string; readonly digest: string; readonly source_type?: string };
  readonly tags?: readonly KeyValue[];
}

export interface WholeRun extends Run {
  readonly inputs?: { readonly dataset_inputs?: readonly DatasetInput[] };
  readonly outputs?: { readonly model_outputs?: readonly { readonly model_id: string; readonly step?: number }[] };
}

export interface Seen {
  readonly run: WholeRun;
  readonly experiment: string;
}

const MOST_CHILDREN = 50;
/** Points of a chart: as many as its pixels can tell apart; a zoom asks again. */
const POINTS = 2000;

export async function loadRun(id: string, abort: AbortSignal): Promise<Seen> {
  const { run } = await get<{ run: WholeRun }>("runs/get", { run_id: id }, abort);
  const { experiment } = await get<{ experiment: { name: string } }>("experiments/get", { experiment_id: run.info.experiment_id }, abort);
  return { run, experiment: experiment.name };
}

export async function loadChildren(run: Run, abort: AbortSignal): Promise<readonly Run[]> {
  const asked = { experiment_ids: [run.info.experiment_id], filter: `tags.\`mlflow.parentRunId\` = '${run.info.run_id}'`, max_results: MOST_CHILDREN };
  return (await post<{ runs?: readonly Run[] }>("runs/search", asked, abort)).runs ?? [];
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export async function loadHistory(id: string, metric: string, zoom: Range | undefined, abort: AbortSignal): Promise<readonly MetricPoint[]> {
  const part: Record<string, number> = zoom ? { start_step: Math.floor(zoom.from), end_step: Math.ceil(zoom.to) } : {};
  const asked = { metric_key: metric, run_ids: [id], max_results: POINTS, ...part };
  return (await get<{ metrics?: readonly MetricPoint[] }>("metrics/get-history-bulk-interval", asked, abort)).metrics ?? [];
}

async function change(what: () => Promise<unknown>, done: string): Promise<boolean> {
  const isDone = await attempt(what, done);
  lookNow();
  return isDone;
}

export const rename = (id: string, name: string) => change(() => post("runs/update", { run_id: id, run_name: name }), `Renamed to ${name}.`);
export const remove = (id: string) => change(() => post("runs/delete", { run_id: id }), "Deleted. It can be restored here.");
export const restore = (id: string) => change(() => post("runs/restore", { run_id: id }), "Restored.");
export const stop = (id: string) => change(() => own.post("runs/request-stop", { run_id: id }), "Asked to stop.");
export const setTag = (id: string, key: string, value: string) =>
  change(() => post("runs/set-tag", { run_id: id, key, value }), key === NOTE ? "Note saved." : `Tag ${key} set.`);
export const deleteTag = (id: string, key: string) => change(() => post("runs/delete-tag", { run_id: id, key }), `Tag ${key} removed.`);

export const isSystemTag = (key: string): boolean => key.startsWith("mlflow.") || key.startsWith("mlctl.");
export const isSystemMetric = (key: string): boolean => key.startsWith("system/");
export const noteOf = (run: Run): string => tagOf(run.data.tags, NOTE);
export const isRunning = (run: Run): boolean => run.info.status === "RUNNING" || run.info.status === "SCHEDULED";
