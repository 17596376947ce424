/** Experiments: list, search, create, rename, notes, tags, delete and restore. */
import { useSignal } from "@preact/signals";
import { ago, count, date } from "../../format";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { Empty, Loading, Notice } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import { useResource } from "../../resource";
import { query, setQuery, to } from "../../router";
import { NOTE, tagOf } from "../../types";
import { loadExperiments, restore, type Row } from "./data";
import { Question, visibleTags, type Asking } from "./dialogs";
import "./experiments.css";

export default function Experiments() {
  const showsDeleted = query("view") === "deleted";
  const search = query("search");
  const asking = useSignal<Asking | undefined>(undefined);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const view = showsDeleted ? "DELETED_ONLY" : "ACTIVE_ONLY";
  const { data, failure } = useResource(view, (abort) => loadExperiments(view, abort));
  const wanted = search.toLowerCase();
  const rows = (data ?? []).filter((row) => row.name.toLowerCase().includes(wanted) || tagOf(row.tags, NOTE).toLowerCase().includes(wanted));
  const toggle = (id: string) => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  return (
    <PageFrame
      title="Experiments"
      actions={
        <button class="button main" onClick={() => (asking.value = { what: "create" })}>
          <Icon name="plus" /> New experiment
        </button>
      }
    >
      <div class="row">
        <label class="search grow">
          <Icon name="search" />
          <input
            class="field"
            type="search"
            placeholder="Search by name or note"
            aria-label="Search experiments"
            value={search}
            onInput={(event) => setQuery({ search: event.currentTarget.value }, { replace: true })}
          />
        </label>
        <div class="segments" role="group" aria-label="Which experiments">
          <button aria-pressed={!showsDeleted} onClick={() => setQuery({ view: "" })}>
            Active
          </button>
          <button aria-pressed={showsDeleted} onClick={() => setQuery({ view: "deleted" })}>
            Deleted
          </button>
        </div>
        {chosen.value.size > 1 && (
          <a class="button" href={to(["experiments", [...chosen.value].join(",")])}>
            <Icon name="table" /> Runs of {chosen.value.size} together
          </a>
        )}
      </div>
      <Notice failure={failure} />
      {!data && !failure && <Loading />}
      {data && rows.length > 0 && (
        <div class="card scroll">
          <table class="list experiments">
            <thead>
              <tr>
                <th class="tick">
                  <span class="hidden-text">Choose</span>
                </th>
                <th>Name</th>
                <th class="num">Runs</th>
                <th>Last run</th>
                <th class="wide">Created</th>
                <th class="wide">Note and tags</th>
                <th>
                  <span class="hidden-text">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Line key={row.experiment_id} row={row} isChosen={chosen.value.has(row.experiment_id)} onToggle={toggle} onAsk={(next) => (asking.value = next)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && rows.length === 0 && <Nothing search={search} showsDeleted={showsDeleted} />}
      {asking.value && <Question asking={asking.value} onClose={() => (asking.value = undefined)} />}
    </PageFrame>
  );
}

interface LineProps {
  readonly row: Row;
  readonly isChosen: boolean;
  readonly onToggle: (id: string) => void;
  readonly onAsk: (asking: Asking) => void;
}

function Line({ row, isChosen, onToggle, onAsk }: LineProps) {
  const note = tagOf(row.tags, NOTE).split("\n", 1)[0];
  return (
    <tr>
      <td class="tick">
        <input type="checkbox" checked={isChosen} aria-label={`Choose ${row.name}`} onChange={() => onToggle(row.experiment_id)} />
      </td>
      <td class="name">
        <a class="clip" href={to(["experiments", row.experiment_id])} title={row.name}>
          {row.name}
        </a>
        {row.running > 0 && <span class="badge busy">{row.running} running</span>}
      </td>
      <td class="num">{count(row.runs)}</td>
      <td class="soft" title={date(row.lastStart)}>
        {row.lastStart ? ago(row.lastStart) : "none yet"}
      </td>
      <td class="soft wide" title={date(row.creation_time)}>
        {ago(row.creation_time)}
      </td>
      <td class="wide about">
        <div>
          {note && <span class="soft clip">{note}</span>}
          {visibleTags(row).map((tag) => (
            <span class="chip" key={tag.key} title={`${tag.key}: ${tag.value}`}>
              <span class="clip">
                {tag.key}: {tag.value}
              </span>
            </span>
          ))}
        </div>
      </td>
      <td class="actions">
        <Menu kind="button plain icon" label={<Icon name="more" />} name={`Actions for ${row.name}`} alignRight>
          {row.lifecycle_stage === "deleted" ? (
            <button onClick={() => void restore(row)}>
              <Icon name="undo" /> Restore
            </button>
          ) : (
            <>
              <button onClick={() => onAsk({ what: "rename", of: row })}>
                <Icon name="edit" /> Rename
              </button>
              <button onClick={() => onAsk({ what: "note", of: row })}>
                <Icon name="file" /> Note
              </button>
              <button onClick={() => onAsk({ what: "tags", of: row })}>
                <Icon name="tag" /> Tags
              </button>
              <button class="danger" onClick={() => onAsk({ what: "delete", of: row })}>
                <Icon name="trash" /> Delete
              </button>
            </>
          )}
        </Menu>
      </td>
    </tr>
  );
}

function Nothing({ search, showsDeleted }: { search: string; showsDeleted: boolean }) {
  if (search) return <Empty title={`No experiment has “${search}” in its name or note`} icon="search" />;
  if (showsDeleted) return <Empty title="Nothing has been deleted" icon="trash" />;
  return (
    <Empty title="No experiments yet" command="mlctl run . --experiment-name my-experiment">
      An experiment gathers runs. The first run makes one:
    </Empty>
  );
}
