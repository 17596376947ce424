/** How a file is shown, by its name. Content becomes text or a picture; HTML is shown in a frame that may reach nothing. */
import { useSignal } from "@preact/signals";
import { plural } from "../../format";
import { useResource } from "../../resource";
import { Icon } from "../icon";
import { Markdown } from "../markdown";
import { Empty, Loading, Notice } from "../notices";
import { Code, type Language } from "./code";
import { rows } from "./csv";
import * as mlmodel from "./mlmodel";
import { readText, type Text } from "./source";

const MOST_ROWS = 500;
const IMAGES = new Set(["png", "jpg", "jpeg", "gif", "webp", "avif", "bmp", "svg", "ico"]);
const SOUNDS = new Set(["wav", "mp3", "ogg", "flac", "m4a"]);
const FILMS = new Set(["mp4", "webm", "mov"]);
const BINARY = new Set(["parquet", "pkl", "pickle", "joblib", "npy", "npz", "pt", "pth", "h5", "zip", "gz", "tar", "onnx", "bin", "safetensors", "pdf", "db", "whl"]);
const CODE = new Set(["py", "js", "ts", "json", "yaml", "yml", "toml", "sh", "cfg", "ini", "r", "sql", "mlmodel", "mlproject"]);

const extension = (path: string) => path.slice(path.lastIndexOf("/") + 1).split(".").at(-1)!.toLowerCase();

export function View({ url, path }: { url: string; path: string }) {
  const kind = extension(path);
  if (IMAGES.has(kind)) return <Picture url={url} path={path} />;
  if (SOUNDS.has(kind)) return <audio controls src={url} aria-label={path} />;
  if (FILMS.has(kind)) return <video controls src={url} aria-label={path} />;
  if (BINARY.has(kind)) return <Unshown url={url} />;
  return <TextFile url={url} path={path} kind={kind} />;
}

function Picture({ url, path }: { url: string; path: string }) {
  const isBroken = useSignal(false);
  if (isBroken.value) return <Unshown url={url} />;
  return (
    <figure class="picture">
      <img src={url} alt={path} onError={() => (isBroken.value = true)} />
    </figure>
  );
}

function Unshown({ url }: { url: string }) {
  return (
    <Empty title="This file is not shown here" icon="file">
      <a class="button" href={url} download>
        <Icon name="download" /> Download it
      </a>
    </Empty>
  );
}

function TextFile({ url, path, kind }: { url: string; path: string; kind: string }) {
  const { data, failure, isLoading } = useResource(url, (abort) => readText(url, abort), { live: false });
  if (failure) return <Notice failure={failure} />;
  if (!data || isLoading) return <Loading />;
  if (data.isBinary) return <Unshown url={url} />;
  if (!data.text) return <Empty title="The file is empty" icon="file" />;
  return (
    <>
      {!data.isWhole && <p class="soft small">The first megabyte; the download has the rest.</p>}
      <Shown data={data} path={path} kind={kind} url={url} />
    </>
  );
}

const FORMS: Readonly<Record<string, string>> = { csv: "Table", tsv: "Table", md: "Page", markdown: "Page", html: "Page", htm: "Page", mlmodel: "Model" };

function Shown({ data, path, kind, url }: { data: Text; path: string; kind: string; url: string }) {
  const form = FORMS[kind];
  const isRaw = useSignal(false);
  if (!form) return <Raw data={data} path={path} kind={kind} />;
  return (
    <>
      <div class="segments" role="group" aria-label="How the file is shown">
        <button aria-pressed={!isRaw.value} onClick={() => (isRaw.value = false)}>
          {form}
        </button>
        <button aria-pressed={isRaw.value} onClick={() => (isRaw.value = true)}>
          Text
        </button>
      </div>
      {isRaw.value ? <Raw data={data} path={path} kind={kind} /> : <Formed data={data} kind={kind} url={url} path={path} />}
    </>
  );
}

function Formed({ data, kind, url, path }: { data: Text; kind: string; url: string; path: string }) {
  if (kind === "csv" || kind === "tsv") return <Table text={data.text} separator={kind === "tsv" ? "\t" : ","} name={path} />;
  if (kind === "mlmodel") return <Model text={data.text} />;
  if (kind === "html" || kind === "htm") return <iframe class="foreign" sandbox="allow-scripts" src={`${url}&frame=1`} title={path} />;
  return <Markdown text={data.text} />;
}

function Raw({ data, path, kind }: { data: Text; path: string; kind: string }) {
  const language: Language = kind === "diff" || kind === "patch" ? "diff" : CODE.has(kind) ? "code" : "plain";
  return <Code text={kind === "json" && data.isWhole ? pretty(data.text) : data.text} language={language} name={path} />;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function Table({ text, separator, name }: { text: string; separator: string; name: string }) {
  const [head = [], ...body] = rows(text, separator, MOST_ROWS + 2);
  const isNumber = head.map((_, index) => body.slice(0, 20).every((row) => row[index] !== "" && !Number.isNaN(Number(row[index]))));
  return (
    <>
      <p class="soft small">{body.length > MOST_ROWS ? `The first ${MOST_ROWS} rows` : plural(body.length, "row")}</p>
      <div class="card scroll sheet" tabIndex={0} role="region" aria-label={name}>
        <table class="list">
          <thead>
            <tr>{head.map((cell, index) => <th class={isNumber[index] ? "num" : ""}>{cell}</th>)}</tr>
          </thead>
          <tbody>
            {body.slice(0, MOST_ROWS).map((row) => (
              <tr>{row.map((cell, index) => <td class={isNumber[index] ? "num" : ""}>{cell}</td>)}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Model({ text }: { text: string }) {
  const { flavors, facts, signature } = mlmodel.read(text);
  return (
    <div class="stack">
      <div class="row">{flavors.map((flavor) => <span class="chip">{flavor}</span>)}</div>
      {signature.map(([part, columns]) => (
        <section>
          <h3>{part}</h3>
          <div class="card scroll">
            <table class="list">
              <tbody>
                {columns.map((column) => (
                  <tr>
                    <td class="mono">{column.name || "—"}</td>
                    <td>{column.type}</td>
                    <td class="soft">{column.more}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </section>
      ))}
      {!signature.length && <p class="soft">The model has no signature: log it with an input example, or with infer_signature.</p>}
      <dl class="facts">
        {facts.map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </>
        ))}
      </dl>
    </div>
  );
}
