/** A run at a glance: what it is, its note, parameters, latest metrics, tags, data, and how to repeat it. */
import { useComputed, useSignal } from "@preact/signals";
import { date, duration, number } from "../../format";
import { Card, Fact } from "../../parts/cards";
import { Command, CopyButton } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Markdown } from "../../parts/markdown";
import { Status } from "../../parts/status";
import { useResource } from "../../resource";
import { setQuery, to } from "../../router";
import { NOTE, tagOf } from "../../types";
import * as data from "./data";
import type { Asking } from "./dialogs";

const MANY = 12;

interface Props {
  readonly seen: data.Seen;
  readonly onAsk: (asking: Asking) => void;
}

export function Overview({ seen, onAsk }: Props) {
  const { run } = seen;
  const metrics = [...(run.data.metrics ?? [])].filter((metric) => !data.isSystemMetric(metric.key));
  return (
    <div class="overview">
      <div class="stack">
        <About seen={seen} />
        <Note run={run} />
        <Repeat run={run} />
        <Children run={run} />
      </div>
      <div class="stack">
        <Pairs title="Parameters" pairs={(run.data.params ?? []).map(({ key, value }) => [key, value])} empty='mlctl.log_param("lr", 0.01)' />
        <Pairs title="Metrics" isNumeric pairs={metrics.map(({ key, value }) => [key, number(value)])} empty='mlctl.log_metric("loss", 0.1)' />
        <Tags run={run} onAsk={onAsk} />
        <Outputs run={run} />
        <Inputs run={run} />
      </div>
    </div>
  );
}

function About({ seen }: { seen: data.Seen }) {
  const { info, data: logged } = seen.run;
  const tag = (key: string) => tagOf(logged.tags, key);
  const commit = tag("mlflow.source.git.commit");
  const reason = tag("mlctl.status.reason");
  const parent = tag("mlflow.parentRunId");
  const python = tag("mlctl.python");
  const environment = [tag("mlflow.project.env"), tag("mlctl.env.key"), python && `Python ${python}`].filter(Boolean).join(" · ");
  const isOver = !data.isRunning(seen.run) && info.end_time;
  return (
    <Card title="Summary">
      <dl class="facts">
        <Fact name="Status">
          <Status status={info.status} /> {reason && <span class="soft">{reason}</span>}
          {tag("mlctl.exit_code") && <span class="soft"> exit code {tag("mlctl.exit_code")}</span>}
        </Fact>
        <Fact name="Run ID">
          <span class="mono clip">{info.run_id}</span>
          <CopyButton text={info.run_id} what="run ID" />
        </Fact>
        <Fact name="Started">{date(info.start_time)}</Fact>
        <Fact name={isOver ? "Duration" : "Running for"}>{duration((isOver ? info.end_time! : Date.now()) - info.start_time)}</Fact>
        {isOver && <Fact name="Ended">{date(info.end_time)}</Fact>}
        {(info.user_id || tag("mlflow.user")) && <Fact name="User">{info.user_id || tag("mlflow.user")}</Fact>}
        {tag("mlflow.source.name") && <Fact name="Source">{tag("mlflow.source.name")}</Fact>}
        {commit && (
          <Fact name="Commit">
            <span class="mono" title={commit}>
              {commit.slice(0, 12)}
            </span>
            {tag("mlctl.git.dirty") === "true" && <span class="soft"> with uncommitted changes</span>}
          </Fact>
        )}
        {environment && <Fact name="Environment">{environment}</Fact>}
        {tag("mlctl.host") && <Fact name="Machine">{tag("mlctl.host")}</Fact>}
        {parent && (
          <Fact name="Part of">
            <a href={to(["experiments", info.experiment_id, "runs", parent])} class="mono">
              {parent}
            </a>
          </Fact>
        )}
      </dl>
    </Card>
  );
}

function Note({ run }: { run: data.WholeRun }) {
  const isEdited = useSignal(false);
  const note = data.noteOf(run);
  const save = async (event: Event) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget as HTMLFormElement).get("note"));
    if (await data.setTag(run.info.run_id, NOTE, text)) isEdited.value = false;
  };
  const edit = (
    <button class="button plain icon" aria-label="Edit the note" onClick={() => (isEdited.value = true)}>
      <Icon name="edit" />
    </button>
  );
  return (
    <Card title="Note" actions={!isEdited.value && edit}>
      {isEdited.value ? (
        <form class="stack" onSubmit={save}>
          <textarea class="field" name="note" rows={8} aria-label="Note (Markdown)" autoFocus defaultValue={note} />
          <div class="row">
            <button class="button main">Save</button>
            <button type="button" class="button" onClick={() => (isEdited.value = false)}>
              Cancel
            </button>
            <span class="soft small">Markdown</span>
          </div>
        </form>
      ) : note ? (
        <Markdown text={note} />
      ) : (
        <p class="faint">No note yet.</p>
      )}
    </Card>
  );
}

function Repeat({ run }: { run: data.WholeRun }) {
  const command = tagOf(run.data.tags, "mlctl.command");
  const folder = tagOf(run.data.tags, "mlctl.cwd");
  const show = (file: string) => () => setQuery({ tab: "artifacts", file });
  return (
    <Card title="Repeat">
      {command ? (
        <>
          <Command text={`mlctl runs rerun ${run.info.run_id}`} what="how to repeat it" />
          <p class="soft small">What was run{folder && <> in {folder}</>}:</p>
          <Command text={command} what="command line" />
          <div class="row">
            {tagOf(run.data.tags, "mlctl.git.dirty") === "true" && (
              <button class="button" onClick={show("mlctl/source.diff")}>
                <Icon name="compare" /> Uncommitted changes
              </button>
            )}
            <button class="button" onClick={show("mlctl/packages.txt")}>
              <Icon name="box" /> Packages
            </button>
          </div>
        </>
      ) : (
        <p class="soft">
          This run was made by a program that mlctl did not start, so its command line is not known. What is started with <code>mlctl run</code> can be repeated.
        </p>
      )}
    </Card>
  );
}

function Children({ run }: { run: data.WholeRun }) {
  const { data: children } = useResource(run.info.run_id, (abort) => data.loadChildren(run, abort));
  if (!children?.length) return null;
  return (
    <Card title={`Nested runs (${children.length})`}>
      <ul class="plain-list">
        {children.map(({ info }) => (
          <li key={info.run_id} class="row">
            <a class="clip grow" href={to(["experiments", info.experiment_id, "runs", info.run_id])}>
              {info.run_name}
            </a>
            <Status status={info.status} />
          </li>
        ))}
      </ul>
    </Card>
  );
}

interface PairsProps {
  readonly title: string;
  readonly pairs: readonly (readonly [string, string])[];
  readonly empty: string;
  readonly isNumeric?: boolean;
}

function Pairs({ title, pairs, empty, isNumeric = false }: PairsProps) {
  const search = useSignal("");
  const wanted = useComputed(() => search.value.toLowerCase()).value;
  const shown = pairs.filter((pair) => pair.some((part) => part.toLowerCase().includes(wanted))).sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <section class="card" aria-label={title}>
      <div class="row head">
        <h2 class="grow">
          {title} <span class="faint">{pairs.length || ""}</span>
        </h2>
        {pairs.length > MANY && (
          <input class="field narrow" type="search" placeholder="Search" aria-label={`Search ${title}`} onInput={(event) => (search.value = event.currentTarget.value)} />
        )}
      </div>
      {pairs.length === 0 && (
        <p class="soft head">
          None. <code>{empty}</code> logs one.
        </p>
      )}
      <div class="scroll limited">
        <table class="list pairs">
          <tbody>
            {shown.map(([key, value]) => (
              <tr key={key}>
                <td class="key">{key}</td>
                <td class={isNumeric ? "num" : "value"}>{value}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Tags({ run, onAsk }: { run: data.WholeRun; onAsk: (asking: Asking) => void }) {
  const tags = [...(run.data.tags ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1));
  const own = tags.filter((tag) => !data.isSystemTag(tag.key));
  const system = tags.filter((tag) => data.isSystemTag(tag.key) && tag.key !== NOTE);
  const add = (
    <button class="button plain" onClick={() => onAsk({ what: "tag" })}>
      <Icon name="plus" size={14} /> Tag
    </button>
  );
  return (
    <Card title="Tags" actions={add}>
      {own.length === 0 && <p class="faint">No tags yet.</p>}
      <ul class="row tag-list">
        {own.map(({ key, value }) => (
          <li class="chip" key={key} title={`${key}: ${value}`}>
            <button class="bare clip" title="Change it" onClick={() => onAsk({ what: "tag", key, value })}>
              {key}: {value}
            </button>
            <button class="bare" aria-label={`Remove tag ${key}`} onClick={() => void data.deleteTag(run.info.run_id, key)}>
              <Icon name="close" size={12} />
            </button>
          </li>
        ))}
      </ul>
      {system.length > 0 && (
        <details>
          <summary class="soft">{system.length} tags of the system</summary>
          <table class="list pairs">
            <tbody>
              {system.map(({ key, value }) => (
                <tr key={key}>
                  <td class="key">{key}</td>
                  <td class="value">{value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </Card>
  );
}

function Outputs({ run }: { run: data.WholeRun }) {
  const models = [...new Set((run.outputs?.model_outputs ?? []).map((output) => output.model_id))];
  if (!models.length) return null;
  return (
    <Card title="Models">
      <ul class="plain-list">
        {models.map((id) => (
          <li key={id}>
            <a class="mono" href={to(["experiments", run.info.experiment_id, "models", id])}>
              {id}
            </a>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function Inputs({ run }: { run: data.WholeRun }) {
  const inputs = run.inputs?.dataset_inputs ?? [];
  if (!inputs.length) return null;
  return (
    <Card title="Datasets">
      <ul class="plain-list">
        {inputs.map(({ dataset, tags }) => (
          <li class="row" key={`${dataset.name} ${dataset.digest}`}>
            <span class="clip grow">{dataset.name}</span>
            <span class="soft">{tagOf(tags, "mlflow.data.context")}</span>
            <code class="faint">{dataset.digest}</code>
          </li>
        ))}
      </ul>
    </Card>
  );
}
