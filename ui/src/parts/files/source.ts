/** Files that pages show: a run's artifacts or a logged model's files. */
import { artifactUrl, Failure, get } from "../../api";

export interface Entry {
  readonly path: string;
  readonly is_dir: boolean;
  readonly file_size?: number | string;
}

export interface Source {
  /** Tells two sources apart. */
  readonly key: string;
  readonly list: (path: string, abort: AbortSignal) => Promise<readonly Entry[]>;
  readonly url: (path: string) => string;
}

type Listing = { readonly files?: readonly Entry[] };

export const ofRun = (id: string): Source => ({
  key: id,
  list: async (path, abort) => (await get<Listing>("artifacts/list", { run_id: id, path }, abort)).files ?? [],
  url: (path) => artifactUrl(id, path),
});

const model = (id: string, what: string, query: Record<string, string>) =>
  `logged-models/${encodeURIComponent(id)}/artifacts/${what}?${new URLSearchParams(query)}`;

export const ofModel = (id: string): Source => ({
  key: id,
  list: async (path, abort) =>
    (await get<Listing>(`logged-models/${encodeURIComponent(id)}/artifacts/directories`, { artifact_directory_path: path }, abort)).files ?? [],
  url: (path) => `ajax-api/2.0/mlflow/${model(id, "files", { artifact_file_path: path })}`,
});

export interface Text {
  readonly text: string;
  readonly isWhole: boolean;
  readonly isBinary: boolean;
}

const MOST_BYTES = 1 << 20;

/** A file as text: its first megabyte, which is read without the rest being sent. */
export async function readText(url: string, abort: AbortSignal): Promise<Text> {
  const answer = await fetch(url, { signal: abort });
  if (!answer.ok || !answer.body) throw await refusal(answer);
  const reader = answer.body.getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  let isWhole = false;
  while (size <= MOST_BYTES) {
    const { done, value } = await reader.read();
    if (done) isWhole = true;
    if (done) break;
    parts.push(value);
    size += value.byteLength;
  }
  if (!isWhole) await reader.cancel();
  const body = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()).subarray(0, MOST_BYTES);
  return { text: new TextDecoder().decode(body), isWhole, isBinary: body.subarray(0, 8192).includes(0) };
}

async function refusal(answer: Response): Promise<Failure> {
  const told = (await answer.json().catch(() => ({}))) as { message?: string; error_code?: string };
  return new Failure(told.message ?? `The server answered ${answer.status}.`, "", told.error_code ?? "", answer.status);
}
