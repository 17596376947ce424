/** Runs as rows of values, fetched a block at a time; and what is done with them. */
import { own, post } from "../../api";
import { lookNow } from "../../live";
import { attempt, tell } from "../../parts/toasts";
import { plural } from "../../format";

export type Cell = string | number | null;
export interface RunRow {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly start: number;
  readonly end: number | null;
  readonly experiment: string;
  readonly user: string;
  readonly isDeleted: boolean;
  readonly parent: string | null;
  readonly children: number;
  readonly cells: readonly Cell[];
}

/** What is asked for: everything but which rows. */
export interface Asked {
  readonly experiments: readonly string[];
  readonly filter: string;
  readonly order: string;
  readonly columns: readonly string[];
  readonly view: string;
}

export interface Keys {
  readonly params: readonly string[];
  readonly metrics: readonly string[];
  readonly tags: readonly string[];
}

type RawRow = [string, string, string, number, number | null, string, string, boolean, string | null, number, ...Cell[]];

export async function loadRows(asked: Asked, offset: number, limit: number, abort?: AbortSignal): Promise<{ total: number; rows: RunRow[] }> {
  const found = await own.post<{ total: number; rows: RawRow[] }>(
    "runs/table",
    {
      experiment_ids: asked.experiments,
      filter: asked.filter,
      order_by: asked.order ? [asked.order] : [],
      columns: asked.columns,
      view_type: asked.view,
      offset,
      limit,
    },
    abort,
  );
  return { total: found.total, rows: found.rows.map(named) };
}

function named(row: RawRow): RunRow {
  const [id, name, status, start, end, experiment, user, isDeleted, parent, children, ...cells] = row;
  return { id, name, status, start, end, experiment, user, isDeleted, parent, children, cells };
}

export const loadKeys = (experiments: readonly string[], abort?: AbortSignal) => own.post<Keys>("runs/keys", { experiment_ids: experiments }, abort);

export interface Group {
  readonly value: Cell;
  readonly runs: number;
  readonly metrics: readonly (readonly [number, number, number] | null)[];
}

export const loadGroups = (asked: Asked, by: string, abort?: AbortSignal) =>
  own.post<{ total: number; groups: Group[] }>(
    "runs/groups",
    { experiment_ids: asked.experiments, filter: asked.filter, view_type: asked.view, by, columns: asked.columns },
    abort,
  );

/** A column's name as the search language wants it: with backticks where it is no plain word. */
export function quoted(column: string): string {
  const dot = column.indexOf(".");
  const key = column.slice(dot + 1);
  return /^\w+$/.test(key) ? column : `${column.slice(0, dot)}.\`${key}\``;
}

/** A comparison of a column with a value, in the search language. */
export function comparison(column: string, value: Cell): string {
  if (value === null) return `${quoted(column)} IS NULL`;
  return column.startsWith("metrics.") ? `${quoted(column)} = ${value}` : `${quoted(column)} = '${String(value).replaceAll("'", "''")}'`;
}

export const also = (filter: string, more: string): string => (filter.trim() ? `(${filter}) AND ${more}` : more);

async function each(ids: readonly string[], what: (id: string) => Promise<unknown>, done: string): Promise<void> {
  await attempt(() => Promise.all(ids.map(what)), done);
  lookNow();
}

export const remove = (ids: readonly string[]) => each(ids, (run_id) => post("runs/delete", { run_id }), `Deleted ${plural(ids.length, "run")}.`);
export const restore = (ids: readonly string[]) => each(ids, (run_id) => post("runs/restore", { run_id }), `Restored ${plural(ids.length, "run")}.`);
export const stop = (ids: readonly string[]) => each(ids, (run_id) => own.post("runs/request-stop", { run_id }), `Asked ${plural(ids.length, "run")} to stop.`);
export async function tag(ids: readonly string[], key: string, value: string): Promise<boolean> {
  const isDone = await attempt(() => Promise.all(ids.map((run_id) => post("runs/set-tag", { run_id, key, value }))), `Tagged ${plural(ids.length, "run")}.`);
  lookNow();
  return isDone;
}

const BLOCK = 1000;

/** Save the runs as CSV: those chosen, or all that pass the filter. */
export async function exportCsv(asked: Asked, chosen: ReadonlySet<string>): Promise<void> {
  const lines = [["run_id", "name", "status", "start_time", "end_time", "user", ...asked.columns]];
  await attempt(async () => {
    for (let offset = 0, total = 1; offset < total; offset += BLOCK) {
      const page = await loadRows(asked, offset, BLOCK);
      total = page.total;
      for (const row of page.rows) {
        if (chosen.size && !chosen.has(row.id)) continue;
        const time = (ms: number | null) => (ms ? new Date(ms).toISOString() : "");
        lines.push([row.id, row.name, row.status, time(row.start), time(row.end), row.user, ...row.cells.map((cell) => (cell === null ? "" : String(cell)))]);
      }
    }
    const text = lines.map((line) => line.map(field).join(",")).join("\r\n");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text + "\r\n"], { type: "text/csv" }));
    link.download = "runs.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    tell(`Exported ${plural(lines.length - 1, "run")}.`);
  }, "");
}

/** A field of CSV. What a spreadsheet would take for a formula is kept text by a leading quote. */
function field(text: string): string {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
