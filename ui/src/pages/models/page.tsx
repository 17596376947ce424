/** Models: those that are registered, and those that runs have logged (`view=logged`). */
import { useSignal } from "@preact/signals";
import { ago, date } from "../../format";
import { Icon } from "../../parts/icon";
import { Empty, Loading, Notice } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import { useResource } from "../../resource";
import { query, setQuery, to } from "../../router";
import * as data from "./data";
import { Question, type Asking } from "./dialogs";
import { Aliases, Stage } from "./pieces";

export default function Models() {
  const asking = useSignal<Asking | undefined>(undefined);
  const isLogged = query("view") === "logged";
  return (
    <PageFrame
      title="Models"
      actions={
        <button class="button main" onClick={() => (asking.value = { what: "create" })}>
          <Icon name="plus" /> New model
        </button>
      }
    >
      <div class="row">
        <label class="search grow">
          <Icon name="search" />
          <input
            class="field"
            type="search"
            placeholder="Search by name"
            aria-label="Search models"
            value={query("search")}
            onInput={(event) => setQuery({ search: event.currentTarget.value }, { replace: true })}
          />
        </label>
        <div class="segments" role="group" aria-label="Which models">
          <button aria-pressed={!isLogged} onClick={() => setQuery({ view: "" })}>
            Registered
          </button>
          <button aria-pressed={isLogged} onClick={() => setQuery({ view: "logged" })}>
            Logged
          </button>
        </div>
      </div>
      {isLogged ? <LoggedModels /> : <Registered />}
      {asking.value && <Question asking={asking.value} onClose={() => (asking.value = undefined)} />}
    </PageFrame>
  );
}

function Registered() {
  const { data: models, failure } = useResource("registered", data.loadModels);
  const wanted = query("search").toLowerCase();
  const shown = models?.filter((model) => model.name.toLowerCase().includes(wanted));
  if (failure) return <Notice failure={failure} />;
  if (!shown) return <Loading />;
  if (!models!.length)
    return (
      <Empty title="No registered models" icon="box" command="mlctl registry register runs:/@last/model my-model">
        What a run has logged gets a name and versions here:
      </Empty>
    );
  if (!shown.length) return <Empty title={`No model has “${query("search")}” in its name`} icon="search" />;
  return (
    <div class="card scroll">
      <table class="list models">
        <thead>
          <tr>
            <th>Name</th>
            <th class="num">Latest</th>
            <th>In stages</th>
            <th>Aliases</th>
            <th class="wide">Changed</th>
            <th class="wide">Description</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((model) => (
            <RegisteredLine key={model.name} model={model} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RegisteredLine({ model }: { model: data.Model }) {
  const versions = model.latest_versions ?? [];
  const newest = versions.length ? Math.max(...versions.map((version) => Number(version.version))) : undefined;
  return (
    <tr>
      <td class="name">
        <a class="clip" href={to(["models", model.name])} title={model.name}>
          {model.name}
        </a>
      </td>
      <td class="num">{newest ?? <span class="faint">none</span>}</td>
      <td>
        <div class="chips">
          {versions
            .filter((version) => !["None", "Archived"].includes(version.current_stage ?? "None"))
            .map((version) => (
              <span key={version.version}>
                <Stage stage={version.current_stage} /> <span class="soft">{version.version}</span>
              </span>
            ))}
        </div>
      </td>
      <td>
        <div class="chips">
          <Aliases name={model.name} aliases={(model.aliases ?? []).map(({ alias, version }) => `${alias} ${version}`)} />
        </div>
      </td>
      <td class="soft wide" title={date(model.last_updated_timestamp)}>
        {ago(model.last_updated_timestamp)}
      </td>
      <td class="wide about soft clip">{model.description?.split("\n", 1)[0]}</td>
    </tr>
  );
}

function LoggedModels() {
  const { data: models, failure } = useResource("logged", data.loadLogged);
  const wanted = query("search").toLowerCase();
  const shown = models?.filter(({ info }) => (info.name ?? "").toLowerCase().includes(wanted));
  if (failure) return <Notice failure={failure} />;
  if (!shown) return <Loading />;
  if (!shown.length) return <Empty title="No logged models" icon="box" command={`mlctl.sklearn.log_model(model, name="model")`} />;
  return (
    <div class="card scroll">
      <table class="list models">
        <thead>
          <tr>
            <th>Name</th>
            <th>Status</th>
            <th>Kind</th>
            <th>Experiment</th>
            <th>Run</th>
            <th class="wide">Made</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ info, experiment }) => (
            <tr key={info.model_id}>
              <td class="name">
                <a class="clip" href={to(["experiments", info.experiment_id, "models", info.model_id])} title={info.name}>
                  {info.name || info.model_id}
                </a>
              </td>
              <td class="soft">{readable(info.status)}</td>
              <td class="soft">{info.model_type}</td>
              <td>
                <a href={to(["experiments", info.experiment_id])}>{experiment}</a>
              </td>
              <td>
                {info.source_run_id && (
                  <a class="mono" href={to(["experiments", info.experiment_id, "runs", info.source_run_id])}>
                    {info.source_run_id.slice(0, 8)}
                  </a>
                )}
              </td>
              <td class="soft wide" title={date(info.creation_timestamp_ms)}>
                {ago(info.creation_timestamp_ms)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export const readable = (status: string) => status.replace("LOGGED_MODEL_", "").replace("UPLOAD_", "").toLowerCase();
