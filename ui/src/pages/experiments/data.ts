/** Experiments of the store, and what is done with them. */
import { own, post } from "../../api";
import { lookNow } from "../../live";
import { attempt } from "../../parts/toasts";
import { NOTE, type Experiment } from "../../types";

export interface Row extends Experiment {
  readonly runs: number;
  readonly running: number;
  readonly lastStart: number | undefined;
}

interface Overview {
  readonly experiment_id: string;
  readonly runs: number;
  readonly running: number;
  readonly last_start: number;
}

const PAGE = 1000;
const MOST = 20_000;

async function search(view: string, abort: AbortSignal): Promise<Experiment[]> {
  const found: Experiment[] = [];
  let token: string | undefined;
  do {
    const page = await post<{ experiments?: Experiment[]; next_page_token?: string }>(
      "experiments/search",
      { view_type: view, max_results: PAGE, ...(token ? { page_token: token } : {}) },
      abort,
    );
    found.push(...(page.experiments ?? []));
    token = page.next_page_token;
  } while (token && found.length < MOST);
  return found;
}

export async function loadExperiments(view: string, abort: AbortSignal): Promise<Row[]> {
  const [experiments, overview] = await Promise.all([
    search(view, abort),
    own.get<{ experiments: Overview[] }>("experiments/overview", {}, abort),
  ]);
  const byId = new Map(overview.experiments.map((row) => [row.experiment_id, row]));
  return experiments.map((experiment) => {
    const seen = byId.get(experiment.experiment_id);
    return { ...experiment, runs: seen?.runs ?? 0, running: seen?.running ?? 0, lastStart: seen?.last_start };
  });
}

async function change(what: () => Promise<unknown>, done: string): Promise<boolean> {
  const isDone = await attempt(what, done);
  lookNow();
  return isDone;
}

export const create = (name: string) => change(() => post("experiments/create", { name }), `Created ${name}.`);
export const rename = (id: string, name: string) => change(() => post("experiments/update", { experiment_id: id, new_name: name }), `Renamed to ${name}.`);
export const remove = (row: Experiment) =>
  change(() => post("experiments/delete", { experiment_id: row.experiment_id }), `Deleted ${row.name}. It can be restored from “Deleted”.`);
export const restore = (row: Experiment) => change(() => post("experiments/restore", { experiment_id: row.experiment_id }), `Restored ${row.name}.`);
export const setTag = (id: string, key: string, value: string) =>
  change(() => post("experiments/set-experiment-tag", { experiment_id: id, key, value }), key === NOTE ? "Note saved." : `Tag ${key} set.`);
export const deleteTag = (id: string, key: string) =>
  change(() => post("experiments/delete-experiment-tag", { experiment_id: id, key }), `Tag ${key} removed.`);
