/** Asking the server. Every failure becomes a `Failure`, whose text says what was wrong and whose hint what to do. */
import { signal } from "@preact/signals";

export class Failure extends Error {
  constructor(
    message: string,
    readonly hint = "",
    readonly code = "",
    readonly status = 0,
  ) {
    super(message);
  }
}

/** Whether the server answered the last time it was asked. */
export const isLost = signal(false);

const TRACKING = "ajax-api/2.0/mlflow/";
const OWN = "api/2.0/mlctl/";

type Json = Record<string, unknown>;

async function ask<T>(method: string, path: string, body?: Json, abort?: AbortSignal): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      signal: abort ?? null,
      ...(body ? { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } } : {}),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    isLost.value = true;
    throw new Failure("The server does not answer.", "Is `mlctl ui` still running? This page goes on by itself when it is back.", "LOST");
  }
  isLost.value = false;
  const text = await answer.text();
  const found = parsed(text);
  if (answer.ok) return found as T;
  const told = (found ?? {}) as { message?: string; hint?: string; error_code?: string };
  const hint = told.hint ?? "";
  const message = told.message?.endsWith(hint) && hint ? told.message.slice(0, -hint.length).trim() : told.message;
  throw new Failure(message ?? `The server answered ${answer.status}.`, hint, told.error_code ?? "", answer.status);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text || "{}");
  } catch {
    return undefined;
  }
}

function withQuery(path: string, query: Record<string, string | number | readonly string[]>): string {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) for (const one of Array.isArray(value) ? value : [value]) found.append(name, String(one));
  return `${path}?${found}`;
}

/** MLflow's REST API: `get("runs/get", { run_id })`, `post("runs/delete", { run_id })`. */
export const get = <T>(name: string, query: Record<string, string | number | readonly string[]> = {}, abort?: AbortSignal) =>
  ask<T>("GET", withQuery(TRACKING + name, query), undefined, abort);
export const post = <T>(name: string, body: Json, abort?: AbortSignal) => ask<T>("POST", TRACKING + name, body, abort);
export const send = <T>(method: "PATCH" | "DELETE" | "PUT", name: string, body: Json) => ask<T>(method, TRACKING + name, body);

/** mlctl's own routes. */
export const own = {
  get: <T>(name: string, query: Record<string, string | number | readonly string[]> = {}, abort?: AbortSignal) =>
    ask<T>("GET", withQuery(OWN + name, query), undefined, abort),
  post: <T>(name: string, body: Json, abort?: AbortSignal) => ask<T>("POST", OWN + name, body, abort),
};

/** Address of a run's artifact; only ever fetched, or shown in an `<img>` or a sandboxed frame. */
export const artifactUrl = (runId: string, path: string) => withQuery("get-artifact", { run_id: runId, path });
