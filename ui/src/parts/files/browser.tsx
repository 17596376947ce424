/** Files as a tree, and the one that is chosen beside it. What is chosen is in the address (`file`). */
import { useSignal } from "@preact/signals";
import { bytes } from "../../format";
import { useResource } from "../../resource";
import { query, setQuery } from "../../router";
import { Icon } from "../icon";
import { Empty, Loading, Notice } from "../notices";
import type { Entry, Source } from "./source";
import { View } from "./viewers";
import "./files.css";

const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);

export function FileBrowser({ source, live = true, hint }: { source: Source; live?: boolean; hint: string }) {
  const chosen = query("file");
  const { data, failure } = useResource(`${source.key}/`, (abort) => source.list("", abort), { live });
  if (failure) return <Notice failure={failure} />;
  if (!data) return <Loading />;
  if (!data.length) return <Empty title="No files" icon="folder" command={hint} />;
  return (
    <div class={`files${chosen ? " has-file" : ""}`}>
      <nav class="tree card" aria-label="Files">
        <Branch source={source} entries={data} chosen={chosen} live={live} />
      </nav>
      <section class="file stack" aria-label="File">
        {chosen ? <Chosen key={chosen} source={source} path={chosen} /> : <p class="soft">Choose a file.</p>}
      </section>
    </div>
  );
}

function Chosen({ source, path }: { source: Source; path: string }) {
  const url = source.url(path);
  return (
    <>
      <div class="row">
        <button class="button plain icon back" aria-label="All files" onClick={() => setQuery({ file: "" })}>
          <Icon name="left" />
        </button>
        <h2 class="clip grow" title={path}>
          {path}
        </h2>
        <a class="button" href={url} download={nameOf(path)}>
          <Icon name="download" /> Download
        </a>
      </div>
      <View url={url} path={path} />
    </>
  );
}

interface BranchProps {
  readonly source: Source;
  readonly entries: readonly Entry[];
  readonly chosen: string;
  readonly live: boolean;
}

function Branch({ source, entries, chosen, live }: BranchProps) {
  const sorted = [...entries].sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || (a.path < b.path ? -1 : 1));
  return (
    <ul>
      {sorted.map((entry) =>
        entry.is_dir ? (
          <Folder key={entry.path} source={source} path={entry.path} chosen={chosen} live={live} />
        ) : (
          <li key={entry.path}>
            <button class="entry" aria-current={entry.path === chosen} onClick={() => setQuery({ file: entry.path })}>
              <Icon name="file" size={14} />
              <span class="clip grow">{nameOf(entry.path)}</span>
              <span class="faint small">{bytes(Number(entry.file_size ?? 0))}</span>
            </button>
          </li>
        ),
      )}
    </ul>
  );
}

function Folder({ source, path, chosen, live }: { source: Source; path: string; chosen: string; live: boolean }) {
  const isOpen = useSignal(chosen.startsWith(`${path}/`));
  return (
    <li>
      <button class="entry" aria-expanded={isOpen.value} onClick={() => (isOpen.value = !isOpen.value)}>
        <Icon name={isOpen.value ? "down" : "right"} size={14} />
        <span class="clip grow">{nameOf(path)}</span>
      </button>
      {isOpen.value && <Inside source={source} path={path} chosen={chosen} live={live} />}
    </li>
  );
}

function Inside({ source, path, chosen, live }: { source: Source; path: string; chosen: string; live: boolean }) {
  const { data, failure } = useResource(`${source.key}/${path}`, (abort) => source.list(path, abort), { live });
  if (failure) return <Notice failure={failure} />;
  if (!data) return <p class="faint small">Loading…</p>;
  return data.length ? <Branch source={source} entries={data} chosen={chosen} live={live} /> : <p class="faint small">Nothing in it</p>;
}
