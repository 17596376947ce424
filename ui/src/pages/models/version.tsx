/** One version of a registered model: where it comes from, its stage and aliases, files, description, history. */
import { useSignal } from "@preact/signals";
import { date } from "../../format";
import { Card, Fact } from "../../parts/cards";
import { Command } from "../../parts/copy";
import { FileBrowser } from "../../parts/files/browser";
import { ofModel } from "../../parts/files/source";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { Loading, Notice } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import type { Names } from "../../pages";
import { useResource } from "../../resource";
import { to } from "../../router";
import * as data from "./data";
import { Question, type Asking } from "./dialogs";
import { Aliases, Description, History, StageMenu } from "./pieces";

export default function VersionPage({ names }: { names: Names }) {
  const [name, number] = [names.name!, names.version!];
  const asking = useSignal<Asking | undefined>(undefined);
  const { data: found, failure } = useResource(JSON.stringify([name, number]), (abort) => data.loadVersion(name, number, abort));
  const ask = (next: Asking) => (asking.value = next);
  const version = found?.version.name === name && found.version.version === number ? found.version : undefined;
  const crumbs = [["Models", to(["models"])], [name, to(["models", name])]] as const;
  const actions = version && (
    <>
      <StageMenu of={version} onAsk={ask} />
      <Menu kind="button plain icon" label={<Icon name="more" />} name="Actions for this version" alignRight>
        <button onClick={() => ask({ what: "alias", of: version })}>
          <Icon name="tag" /> Set alias
        </button>
        <button class="danger" onClick={() => ask({ what: "delete-version", of: version })}>
          <Icon name="trash" /> Delete
        </button>
      </Menu>
    </>
  );
  return (
    <PageFrame title={`Version ${number}`} crumbs={crumbs} actions={actions}>
      <Notice failure={failure} />
      {!version && !failure && <Loading />}
      {version && found && (
        <>
          <div class="overview">
            <About version={version} />
            <div class="stack">
              <Description text={version.description ?? ""} onSave={(text) => data.describeVersion(name, number, text)} />
              <History name={name} events={found.events} />
            </div>
          </div>
          {version.model_id && (
            <>
              <h2>Files</h2>
              <FileBrowser source={ofModel(version.model_id)} live={false} hint={`mlctl models show models:/${name}/${number}`} />
            </>
          )}
        </>
      )}
      {asking.value && <Question asking={asking.value} onClose={() => (asking.value = undefined)} />}
    </PageFrame>
  );
}

function About({ version }: { version: data.Version }) {
  return (
    <Card title="Summary">
      <dl class="facts">
        <Fact name="Made">
          {date(version.creation_timestamp)} {version.user_id && `by ${version.user_id}`}
        </Fact>
        {version.status && version.status !== "READY" && <Fact name="Status">{version.status}</Fact>}
        {(version.aliases ?? []).length > 0 && (
          <Fact name="Aliases">
            <Aliases name={version.name} aliases={version.aliases ?? []} onRemove />
          </Fact>
        )}
        {version.run_id && (
          <Fact name="Run">
            <RunLink run={version.run_id} />
          </Fact>
        )}
        {version.model_id && (
          <Fact name="Logged model">
            <LoggedLink id={version.model_id} />
          </Fact>
        )}
        {version.source && (
          <Fact name="Source">
            <span class="mono">{version.source}</span>
          </Fact>
        )}
        {(version.tags ?? []).map((tag) => (
          <Fact key={tag.key} name={tag.key}>
            {tag.value}
          </Fact>
        ))}
      </dl>
      <Command text={`mlctl models predict models:/${version.name}/${version.version} rows.csv`} what="how to predict with it" />
    </Card>
  );
}

function RunLink({ run }: { run: string }) {
  const { data: experiment } = useResource(run, (abort) => data.experimentOf(run, abort), { live: false });
  if (!experiment) return <span class="mono">{run}</span>;
  return (
    <a class="mono" href={to(["experiments", experiment, "runs", run])}>
      {run}
    </a>
  );
}

function LoggedLink({ id }: { id: string }) {
  const { data: model } = useResource(id, (abort) => data.loadOneLogged(id, abort), { live: false });
  if (!model) return <span class="mono">{id}</span>;
  return (
    <a class="mono" href={to(["experiments", model.info.experiment_id, "models", id])}>
      {id}
    </a>
  );
}
