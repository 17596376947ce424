/** One logged model: where it comes from, its parameters and metrics, and its files. */
import { date, number } from "../../format";
import { Card, Fact } from "../../parts/cards";
import { Command } from "../../parts/copy";
import { FileBrowser } from "../../parts/files/browser";
import { ofModel } from "../../parts/files/source";
import { Loading, Notice } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import type { Names } from "../../pages";
import { useResource } from "../../resource";
import { to } from "../../router";
import * as data from "./data";
import { readable } from "./page";

export default function LoggedPage({ names }: { names: Names }) {
  const id = names.model!;
  const { data: model, failure } = useResource(id, (abort) => data.loadOneLogged(id, abort));
  return (
    <PageFrame title={model?.info.name || id} crumbs={[["Logged models", to(["models"], { view: "logged" })]]}>
      <Notice failure={failure} />
      {!model && !failure && <Loading />}
      {model && (
        <>
          <div class="overview">
            <About model={model} />
            <Numbers model={model} />
          </div>
          <h2>Files</h2>
          <FileBrowser source={ofModel(id)} live={false} hint={`mlctl models show models:/${id}`} />
        </>
      )}
    </PageFrame>
  );
}

function About({ model: { info } }: { model: data.Logged }) {
  return (
    <Card title="Summary">
      <dl class="facts">
        <Fact name="Model ID">
          <span class="mono">{info.model_id}</span>
        </Fact>
        <Fact name="Status">{readable(info.status)}</Fact>
        <Fact name="Made">{date(info.creation_timestamp_ms)}</Fact>
        {info.model_type && <Fact name="Kind">{info.model_type}</Fact>}
        {info.source_run_id && (
          <Fact name="Run">
            <a class="mono" href={to(["experiments", info.experiment_id, "runs", info.source_run_id])}>
              {info.source_run_id}
            </a>
          </Fact>
        )}
      </dl>
      <Command text={`mlctl registry register models:/${info.model_id} NAME`} what="how to register it" />
    </Card>
  );
}

function Numbers({ model: { data: logged } }: { model: data.Logged }) {
  const pairs = [
    ...(logged?.params ?? []).map(({ key, value }) => [key, value] as const),
    ...(logged?.metrics ?? []).map(({ key, value }) => [key, number(value)] as const),
  ];
  return (
    <Card title="Parameters and metrics">
      {pairs.length === 0 && <p class="faint">None.</p>}
      <dl class="facts">
        {pairs.map(([key, value]) => (
          <Fact name={key}>
            <span class="mono">{value}</span>
          </Fact>
        ))}
      </dl>
    </Card>
  );
}
