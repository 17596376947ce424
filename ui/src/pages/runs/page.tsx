/** Runs of one or several experiments: table, groups and charts, with filter, order and view in the address. */
import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get } from "../../api";
import { count } from "../../format";
import { changes } from "../../live";
import { remember, remembered } from "../../memory";
import type { Names } from "../../pages";
import { Icon } from "../../parts/icon";
import { Empty, Loading } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import { useResource } from "../../resource";
import { query, setQuery, to } from "../../router";
import type { Experiment } from "../../types";
import { Charts } from "../charts/charts";
import { Actions } from "./actions";
import { ColumnChooser, GroupChooser, usualColumns } from "./choosers";
import { also, comparison, exportCsv, loadKeys, loadRows, type Asked, type RunRow } from "./data";
import { FilterBox } from "./filter";
import { Grid, type Marks } from "./grid";
import { Groups } from "./groups";
import { Rows, rootsOnly } from "./rows";
import "./runs.css";

const NEWEST = "attributes.start_time DESC";

export default function Runs({ names }: { names: Names }) {
  return <RunsOf key={names["ids"]} ids={names["ids"]!} />;
}

function RunsOf({ ids }: { ids: string }) {
  const experiments = useMemo(() => ids.split(",").filter(Boolean), [ids]);
  const { data: named } = useResource(`names ${ids}`, (abort) => Promise.all(experiments.map((id) => get<{ experiment: Experiment }>("experiments/get", { experiment_id: id }, abort))));
  const { data: keys } = useResource(`keys ${ids}`, (abort) => loadKeys(experiments, abort));
  const columns = useSignal<readonly string[] | undefined>(remembered(`columns.${ids}`, undefined));
  const filter = query("filter");
  const isTree = query("nested") === "tree";
  const by = query("group");
  const isCharts = query("tab") === "charts";
  const order = query("order") || NEWEST;
  const shownColumns = columns.value ?? (keys ? usualColumns(keys) : []);
  const asked: Asked = {
    experiments,
    filter: isTree ? rootsOnly(filter) : filter,
    order: order === NEWEST ? "" : order,
    columns: shownColumns,
    view: query("view") === "deleted" ? "DELETED_ONLY" : "ACTIVE_ONLY",
  };
  const rows = useMemo(() => new Rows(), []);
  const isReady = keys !== undefined || columns.value !== undefined;
  useEffect(() => {
    if (isReady) rows.ask(asked);
  }, [isReady, JSON.stringify(asked)]);
  useEffect(() => changes.subscribe((now) => void (now && rows.refresh())), []);
  const { marks, pinnedRows, clear } = useMarks(ids, rows, asked);
  const choose = (next: readonly string[]) => {
    columns.value = next;
    remember(`columns.${ids}`, next);
  };
  const title = named ? named.map((item) => item.experiment.name).join(", ") : " ";
  const total = rows.total.value;
  return (
    <PageFrame title={title} crumbs={[["Experiments", to([])]]} isFull={!isCharts} actions={<Tabs isCharts={isCharts} />}>
      <div class="row toolbar">
        <FilterBox value={filter} keys={keys} failure={rows.failure.value} onChange={(text) => setQuery({ filter: text })} />
        <div class="segments" role="group" aria-label="Which runs">
          <button aria-pressed={asked.view === "ACTIVE_ONLY"} onClick={() => setQuery({ view: "" })}>
            Active
          </button>
          <button aria-pressed={asked.view === "DELETED_ONLY"} onClick={() => setQuery({ view: "deleted" })}>
            Deleted
          </button>
        </div>
        <button class={`button${isTree ? " on" : ""}`} aria-pressed={isTree} onClick={() => setQuery({ nested: isTree ? "" : "tree" })}>
          <Icon name="group" /> Nested
        </button>
        {keys && <GroupChooser keys={keys} by={by} onChange={(next) => setQuery({ group: next })} />}
        {keys && <ColumnChooser keys={keys} chosen={shownColumns} onChange={choose} />}
      </div>
      {marks.chosen.size > 0 ? (
        <Actions asked={asked} chosen={marks.chosen} onClear={clear} />
      ) : (
        <div class="row actions-bar">
          <span class="soft" role="status">
            {total === undefined ? "…" : `${count(total)} ${total === 1 ? "run" : "runs"}`}
          </span>
          <span class="grow" />
          <button class="button plain" onClick={() => void exportCsv(asked, new Set())}>
            <Icon name="download" /> CSV
          </button>
        </div>
      )}
      {isCharts && keys ? (
        <Charts asked={asked} keys={keys} chosen={marks.chosen} hidden={marks.hidden} />
      ) : by ? (
        <Groups asked={asked} by={by} onOpen={(value) => setQuery({ group: "", filter: also(filter, comparison(by, value)) })} />
      ) : total === undefined ? (
        !rows.failure.value && <Loading />
      ) : total === 0 && pinnedRows.length === 0 ? (
        <Nothing isFiltered={filter !== "" || isTree} isDeleted={asked.view === "DELETED_ONLY"} name={title} />
      ) : (
        <Grid
          rows={rows}
          pinnedRows={pinnedRows}
          columns={shownColumns}
          order={order}
          isTree={isTree}
          marks={marks}
          onOrder={(next) => setQuery({ order: next === NEWEST ? "" : next })}
        />
      )}
    </PageFrame>
  );
}

function Tabs({ isCharts }: { isCharts: boolean }) {
  return (
    <div class="segments" role="group" aria-label="How runs are shown">
      <button aria-pressed={!isCharts} onClick={() => setQuery({ tab: "" })}>
        <Icon name="table" /> Table
      </button>
      <button aria-pressed={isCharts} onClick={() => setQuery({ tab: "charts" })}>
        <Icon name="chart" /> Charts
      </button>
    </div>
  );
}

/** Which runs are chosen, hidden in charts, and pinned; the last two are remembered. */
function useMarks(ids: string, rows: Rows, asked: Asked): { marks: Marks; pinnedRows: readonly RunRow[]; clear: () => void } {
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const hidden = useSignal<ReadonlySet<string>>(new Set(remembered<string[]>(`hidden.${ids}`, [])));
  const pinned = useSignal<ReadonlySet<string>>(new Set(remembered<string[]>(`pinned.${ids}`, [])));
  const last = useSignal("");
  const sets = { chosen, hidden, pinned };
  const toggle: Marks["toggle"] = (which, id, isRange = false) => {
    const next = new Set(sets[which].value);
    if (isRange && last.value) {
      const known = rows.known().map((row) => row.id);
      const [from, until] = [known.indexOf(last.value), known.indexOf(id)].sort((one, other) => one - other);
      for (const other of known.slice(from, until! + 1)) next.add(other);
    } else if (!next.delete(id)) next.add(id);
    if (which === "chosen") last.value = id;
    else remember(`${which}.${ids}`, [...next]);
    sets[which].value = next;
  };
  const listed = [...pinned.value].map((id) => `'${id}'`).join(", ");
  const wanted = { ...asked, filter: `attributes.run_id IN (${listed})`, order: "" };
  const { data } = useResource(JSON.stringify([wanted, listed]), async (abort) => (listed ? (await loadRows(wanted, 0, 50, abort)).rows : []));
  return {
    marks: { chosen: chosen.value, hidden: hidden.value, pinned: pinned.value, toggle },
    pinnedRows: (data ?? []).filter((row) => pinned.value.has(row.id)),
    clear: () => (chosen.value = new Set()),
  };
}

function Nothing({ isFiltered, isDeleted, name }: { isFiltered: boolean; isDeleted: boolean; name: string }) {
  if (isDeleted) return <Empty title="No deleted runs" icon="trash" />;
  if (isFiltered)
    return (
      <Empty title="No run passes the filter" icon="search">
        <button class="button" onClick={() => setQuery({ filter: "", nested: "" })}>
          Show all runs
        </button>
      </Empty>
    );
  return (
    <Empty title="No runs yet" command={`mlctl run . --experiment-name '${name.replaceAll("'", "'\\''")}'`}>
      Run an MLproject in this experiment; its runs appear here by themselves:
    </Empty>
  );
}
