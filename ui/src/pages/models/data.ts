/** Registered models, their versions and history, and logged models. */
import { get, own, post, send } from "../../api";
import { lookNow } from "../../live";
import { attempt } from "../../parts/toasts";
import type { Experiment, KeyValue, MetricPoint } from "../../types";

export interface Version {
  readonly name: string;
  readonly version: string;
  readonly creation_timestamp: number;
  readonly last_updated_timestamp?: number;
  readonly user_id?: string;
  readonly current_stage?: string;
  readonly description?: string;
  readonly source?: string;
  readonly run_id?: string;
  readonly status?: string;
  readonly tags?: readonly KeyValue[];
  readonly aliases?: readonly string[];
  readonly model_id?: string;
}

export interface Model {
  readonly name: string;
  readonly creation_timestamp?: number;
  readonly last_updated_timestamp?: number;
  readonly description?: string;
  readonly latest_versions?: readonly Version[];
  readonly tags?: readonly KeyValue[];
  readonly aliases?: readonly { readonly alias: string; readonly version: string }[];
}

export interface Event {
  readonly version?: string;
  readonly timestamp: number;
  readonly user_id?: string;
  readonly action: string;
  readonly before?: string;
  readonly after?: string;
}

export interface Logged {
  readonly info: {
    readonly model_id: string;
    readonly experiment_id: string;
    readonly name?: string;
    readonly creation_timestamp_ms: number;
    readonly status: string;
    readonly model_type?: string;
    readonly source_run_id?: string;
    readonly tags?: readonly KeyValue[];
  };
  readonly data?: { readonly params?: readonly KeyValue[]; readonly metrics?: readonly MetricPoint[] };
}

export const STAGES = ["None", "Staging", "Production", "Archived"] as const;
const PAGE = 1000;
const MOST = 5000;

const quoted = (name: string) => `name = '${name.replaceAll("'", "\\'")}'`;

export async function loadModels(abort: AbortSignal): Promise<Model[]> {
  const found: Model[] = [];
  let token = "";
  do {
    const asked = { max_results: PAGE, ...(token ? { page_token: token } : {}) };
    const page = await get<{ registered_models?: Model[]; next_page_token?: string }>("registered-models/search", asked, abort);
    found.push(...(page.registered_models ?? []));
    token = page.next_page_token ?? "";
  } while (token && found.length < MOST);
  return found;
}

export async function loadModel(name: string, abort: AbortSignal): Promise<{ model: Model; versions: Version[]; events: Event[] }> {
  const asked = { filter: quoted(name), max_results: PAGE, order_by: "version_number DESC" };
  const [model, versions, events] = await Promise.all([
    get<{ registered_model: Model }>("registered-models/get", { name }, abort),
    get<{ model_versions?: Version[] }>("model-versions/search", asked, abort),
    own.get<{ events?: Event[] }>("registered-models/history", { name }, abort),
  ]);
  return { model: model.registered_model, versions: versions.model_versions ?? [], events: events.events ?? [] };
}

export async function loadVersion(name: string, version: string, abort: AbortSignal): Promise<{ version: Version; events: Event[] }> {
  const [found, events] = await Promise.all([
    get<{ model_version: Version }>("model-versions/get", { name, version }, abort),
    own.get<{ events?: Event[] }>("registered-models/history", { name }, abort),
  ]);
  return { version: found.model_version, events: (events.events ?? []).filter((event) => event.version === version) };
}

/** Where a run is: pages of runs are named by their experiment, too. */
export async function experimentOf(run: string, abort: AbortSignal): Promise<string> {
  return (await get<{ run: { info: { experiment_id: string } } }>("runs/get", { run_id: run }, abort)).run.info.experiment_id;
}

export interface LoggedRow extends Logged {
  readonly experiment: string;
}

export async function loadLogged(abort: AbortSignal): Promise<LoggedRow[]> {
  const { experiments = [] } = await post<{ experiments?: Experiment[] }>("experiments/search", { max_results: PAGE, view_type: "ACTIVE_ONLY" }, abort);
  if (!experiments.length) return [];
  const names = new Map(experiments.map((experiment) => [experiment.experiment_id, experiment.name]));
  const { models = [] } = await post<{ models?: Logged[] }>("logged-models/search", { experiment_ids: [...names.keys()], max_results: 200 }, abort);
  return models.map((model) => ({ ...model, experiment: names.get(model.info.experiment_id) ?? "" }));
}

export const loadOneLogged = async (id: string, abort: AbortSignal): Promise<Logged> =>
  (await get<{ model: Logged }>(`logged-models/${encodeURIComponent(id)}`, {}, abort)).model;

async function change(what: () => Promise<unknown>, done: string): Promise<boolean> {
  const isDone = await attempt(what, done);
  lookNow();
  return isDone;
}

/** A move is refused if somebody else has moved the version since this page was drawn. */
export const move = ({ name, version, current_stage: stage = "None" }: Version, next: string, archives: boolean) =>
  change(
    () => own.post("model-versions/transition-stage", { name, version, stage: next, archive_existing_versions: archives, only_from: stage }),
    `Version ${version} is in ${next}.`,
  );
export const setAlias = (name: string, alias: string, version: string) =>
  change(() => post("registered-models/alias", { name, alias, version }), `${alias} points to version ${version}.`);
export const deleteAlias = (name: string, alias: string) => change(() => send("DELETE", "registered-models/alias", { name, alias }), `Alias ${alias} removed.`);
export const create = (name: string, description: string) => change(() => post("registered-models/create", { name, description }), `Created ${name}.`);
export const rename = (name: string, next: string) => change(() => post("registered-models/rename", { name, new_name: next }), `Renamed to ${next}.`);
export const remove = (name: string) => change(() => send("DELETE", "registered-models/delete", { name }), `Deleted ${name}.`);
export const removeVersion = (name: string, version: string) => change(() => send("DELETE", "model-versions/delete", { name, version }), `Deleted version ${version}.`);
export const describe = (name: string, description: string) =>
  change(() => send("PATCH", "registered-models/update", { name, description }), "Description saved.");
export const describeVersion = (name: string, version: string, description: string) =>
  change(() => send("PATCH", "model-versions/update", { name, version, description }), "Description saved.");
