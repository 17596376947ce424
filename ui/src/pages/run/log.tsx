/** What the run printed: the end of its log, and while it goes on what is added to it. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { artifactUrl, get } from "../../api";
import { bytes } from "../../format";
import { parsed, PLAIN, type Line } from "../../parts/ansi";
import { Icon } from "../../parts/icon";
import { Empty, Loading } from "../../parts/notices";
import { query, setQuery } from "../../router";

export const LOG = "mlctl/output.log";
const FIRST_BYTES = 512 * 1024;
const MOST_LINES = 8000;
const EVERY_MS = 1000;

interface Log {
  readonly text: string;
  /** Bytes of the file that come before the text, and where the text ends. */
  readonly skipped: number;
  readonly end: number;
}

const decoded = (body: ArrayBuffer) => new TextDecoder().decode(body);

async function exists(id: string): Promise<boolean> {
  const found = await get<{ files?: readonly { path: string; file_size?: number }[] }>("artifacts/list", { run_id: id, path: "mlctl" });
  return Boolean(found.files?.some((file) => file.path === LOG && Number(file.file_size) > 0));
}

async function part(id: string, range: string): Promise<{ body: ArrayBuffer; start: number; size: number }> {
  const answer = await fetch(artifactUrl(id, LOG), { headers: { Range: range }, cache: "no-store" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const body = await answer.arrayBuffer();
  const told = /bytes (\d+)-\d+\/(\d+)/.exec(answer.headers.get("content-range") ?? "");
  return { body, start: Number(told?.[1] ?? 0), size: Number(told?.[2] ?? body.byteLength) };
}

/** The log as it was, and what has been added; asked for from the byte before the end, as a range of nothing is refused. */
async function grown(id: string, log: Log | undefined): Promise<Log | undefined> {
  if (!log) {
    if (!(await exists(id))) return undefined;
    const { body, start } = await part(id, `bytes=-${FIRST_BYTES}`);
    return { text: decoded(body), skipped: start, end: start + body.byteLength };
  }
  const { body } = await part(id, `bytes=${log.end - 1}-`);
  if (body.byteLength < 2) return log;
  const whole = lastWhole(new Uint8Array(body).subarray(1));
  return { ...log, text: log.text + new TextDecoder().decode(whole), end: log.end + whole.byteLength };
}

/** Without the beginning of a character whose end has not been written yet. */
function lastWhole(found: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, found.length); back++) {
    const byte = found[found.length - back]!;
    if (byte >= 0xc0) return (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) > back ? found.subarray(0, found.length - back) : found;
    if (byte < 0x80) return found;
  }
  return found;
}

function lines(text: string): Line[] {
  const raw = text.split("\n");
  if (raw.at(-1) === "") raw.pop();
  let style = PLAIN;
  return raw.slice(-MOST_LINES).map((line) => {
    const [found, next] = parsed(line, style);
    style = next;
    return found;
  });
}

function useLog(id: string, isLive: boolean): { log: Log | undefined; isLoading: boolean } {
  const state = useSignal<{ log: Log | undefined; isLoading: boolean }>({ log: undefined, isLoading: true });
  useEffect(() => {
    let timer = 0;
    let isGone = false;
    const look = async () => {
      const before = state.peek();
      const log = document.hidden ? before.log : await grown(id, before.log).catch(() => before.log);
      if (isGone) return;
      if (log !== before.log || before.isLoading) state.value = { log, isLoading: false };
      if (isLive) timer = window.setTimeout(look, EVERY_MS);
    };
    void look();
    return () => {
      isGone = true;
      clearTimeout(timer);
    };
  }, [id, isLive]);
  return state.value;
}

export function LogView({ id, isLive }: { id: string; isLive: boolean }) {
  const { log, isLoading } = useLog(id, isLive);
  const search = query("search");
  const follows = useSignal(true);
  const box = useRef<HTMLDivElement>(null);
  const all = useMemo(() => lines(log?.text ?? ""), [log]);
  const wanted = search.toLowerCase();
  const shown = wanted ? all.filter((line) => line.text.toLowerCase().includes(wanted)) : all;
  useEffect(() => {
    if (follows.value && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [log, follows.value, wanted]);
  if (isLoading) return <Loading />;
  if (!log) return <NoLog isLive={isLive} />;
  return (
    <section class="log stack" aria-label="Log">
      <div class="row">
        <label class="search grow">
          <Icon name="search" />
          <input
            class="field"
            type="search"
            placeholder="Lines that contain…"
            aria-label="Search the log"
            value={search}
            onInput={(event) => setQuery({ search: event.currentTarget.value }, { replace: true })}
          />
        </label>
        {wanted && <span class="soft small">{shown.length} of {all.length} lines</span>}
        <label class="row">
          <input type="checkbox" checked={follows.value} onChange={(event) => (follows.value = event.currentTarget.checked)} /> Follow
        </label>
        <a class="button" href={artifactUrl(id, LOG)} download>
          <Icon name="download" /> <span>Whole log</span>
        </a>
      </div>
      {log.skipped > 0 && <p class="soft small">The first {bytes(log.skipped)} are not shown here; the whole log has them.</p>}
      <div
        class="terminal card"
        ref={box}
        tabIndex={0}
        role="log"
        aria-label="What the run printed"
        onWheel={(event) => event.deltaY < 0 && (follows.value = false)}
      >
        {shown.map((line, index) => (
          <div key={index}>{line.shown.length ? line.shown : "\u00a0"}</div>
        ))}
      </div>
    </section>
  );
}

function NoLog({ isLive }: { isLive: boolean }) {
  if (isLive) return <Empty title="Nothing has been printed yet" icon="file" />;
  return (
    <Empty title="This run has no log" icon="file" command="mlctl run . -e main">
      What is run by mlctl has what it printed here, live:
    </Empty>
  );
}
