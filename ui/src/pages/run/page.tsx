/** One run: overview, metrics with their lines, log, artifacts. Which of them is shown is in the address (`tab`). */
import { useSignal } from "@preact/signals";
import { FileBrowser } from "../../parts/files/browser";
import { ofRun } from "../../parts/files/source";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { Loading, Notice } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import { Status } from "../../parts/status";
import type { Names } from "../../pages";
import { useResource } from "../../resource";
import { query, to } from "../../router";
import * as data from "./data";
import { Question, type Asking } from "./dialogs";
import { LogView } from "./log";
import { Metrics } from "./metrics";
import { Overview } from "./overview";
import "./run.css";

const TABS = [
  ["", "Overview"],
  ["metrics", "Metrics"],
  ["log", "Log"],
  ["artifacts", "Artifacts"],
] as const;

export default function RunPage({ names }: { names: Names }) {
  const id = names.run!;
  const asking = useSignal<Asking | undefined>(undefined);
  const { data: seen, failure } = useResource(id, (abort) => data.loadRun(id, abort));
  const ask = (next: Asking) => (asking.value = next);
  if (!seen || seen.run.info.run_id !== id) {
    return (
      <PageFrame title={`Run ${id.slice(0, 8)}`}>
        <Notice failure={failure} />
        {!failure && <Loading />}
      </PageFrame>
    );
  }
  const { info } = seen.run;
  return (
    <PageFrame title={info.run_name || info.run_id} crumbs={[[seen.experiment, to(["experiments", info.experiment_id])]]} actions={<Actions run={seen.run} onAsk={ask} />}>
      <Notice failure={failure} />
      {info.lifecycle_stage === "deleted" && <Deleted id={id} />}
      <Tabs path={["experiments", info.experiment_id, "runs", id]} />
      <Shown seen={seen} onAsk={ask} />
      {asking.value && <Question asking={asking.value} of={seen.run} onClose={() => (asking.value = undefined)} />}
    </PageFrame>
  );
}

function Tabs({ path }: { path: readonly string[] }) {
  return (
    <nav class="tabs" aria-label="Parts of the run">
      {TABS.map(([tab, text]) => (
        <a href={to(path, { tab })} aria-current={query("tab") === tab ? "page" : undefined}>
          {text}
        </a>
      ))}
    </nav>
  );
}

function Shown({ seen, onAsk }: { seen: data.Seen; onAsk: (asking: Asking) => void }) {
  const { run } = seen;
  const tab = query("tab");
  if (tab === "metrics") return <Metrics run={run} />;
  if (tab === "log") return <LogView key={run.info.run_id} id={run.info.run_id} isLive={data.isRunning(run)} />;
  if (tab === "artifacts") return <FileBrowser source={ofRun(run.info.run_id)} hint={`mlctl.log_artifact("picture.png")`} />;
  return <Overview seen={seen} onAsk={onAsk} />;
}

function Actions({ run, onAsk }: { run: data.WholeRun; onAsk: (asking: Asking) => void }) {
  return (
    <>
      <Status status={run.info.status} />
      {data.isRunning(run) && (
        <button class="button danger" onClick={() => onAsk({ what: "stop" })}>
          <Icon name="stop" /> Stop
        </button>
      )}
      <Menu kind="button plain icon" label={<Icon name="more" />} name="Actions for this run" alignRight>
        <button onClick={() => onAsk({ what: "rename" })}>
          <Icon name="edit" /> Rename
        </button>
        {run.info.lifecycle_stage === "deleted" ? (
          <button onClick={() => void data.restore(run.info.run_id)}>
            <Icon name="undo" /> Restore
          </button>
        ) : (
          <button class="danger" onClick={() => onAsk({ what: "delete" })}>
            <Icon name="trash" /> Delete
          </button>
        )}
      </Menu>
    </>
  );
}

function Deleted({ id }: { id: string }) {
  return (
    <p class="notice">
      <span class="grow">This run has been deleted.</span>
      <button class="button" onClick={() => void data.restore(id)}>
        Restore
      </button>
    </p>
  );
}
