/** One registered model: its versions, aliases, description and history. */
import { useSignal } from "@preact/signals";
import { ago, date } from "../../format";
import { Command } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import { Empty, Loading, Notice } from "../../parts/notices";
import { PageFrame } from "../../parts/page";
import type { Names } from "../../pages";
import { useResource } from "../../resource";
import { to } from "../../router";
import * as data from "./data";
import { Question, type Asking } from "./dialogs";
import { Aliases, Description, History, StageMenu } from "./pieces";

export default function ModelPage({ names }: { names: Names }) {
  const name = names.name!;
  const asking = useSignal<Asking | undefined>(undefined);
  const { data: found, failure } = useResource(name, (abort) => data.loadModel(name, abort));
  const ask = (next: Asking) => (asking.value = next);
  const actions = (
    <Menu kind="button plain icon" label={<Icon name="more" />} name="Actions for this model" alignRight>
      <button onClick={() => ask({ what: "rename", name })}>
        <Icon name="edit" /> Rename
      </button>
      <button class="danger" onClick={() => ask({ what: "delete", name })}>
        <Icon name="trash" /> Delete
      </button>
    </Menu>
  );
  return (
    <PageFrame title={name} crumbs={[["Models", to(["models"])]]} actions={actions}>
      <Notice failure={failure} />
      {!found && !failure && <Loading />}
      {found && found.model.name === name && (
        <>
          <Versions name={name} versions={found.versions} aliases={found.model.aliases ?? []} onAsk={ask} />
          <div class="overview">
            <Description text={found.model.description ?? ""} onSave={(text) => data.describe(name, text)} />
            <History name={name} events={found.events} />
          </div>
        </>
      )}
      {asking.value && <Question asking={asking.value} onClose={() => (asking.value = undefined)} />}
    </PageFrame>
  );
}

interface VersionsProps {
  readonly name: string;
  readonly versions: readonly data.Version[];
  readonly aliases: readonly { readonly alias: string; readonly version: string }[];
  readonly onAsk: (asking: Asking) => void;
}

function Versions({ name, versions, aliases, onAsk }: VersionsProps) {
  if (!versions.length) {
    return (
      <Empty title="No versions yet" icon="box">
        <Command text={`mlctl registry register runs:/@last/model ${name}`} what="command that makes a version" />
      </Empty>
    );
  }
  return (
    <div class="card scroll">
      <table class="list models">
        <thead>
          <tr>
            <th>Version</th>
            <th>Stage</th>
            <th>Aliases</th>
            <th class="wide">Made</th>
            <th class="wide">By</th>
            <th class="wide">Description</th>
          </tr>
        </thead>
        <tbody>
          {versions.map((version) => (
            <tr key={version.version}>
              <td>
                <a href={to(["models", name, "versions", version.version])}>Version {version.version}</a>
              </td>
              <td>
                <StageMenu of={version} onAsk={onAsk} />
              </td>
              <td>
                <div class="chips">
                  <Aliases name={name} onRemove aliases={aliases.filter((alias) => alias.version === version.version).map((alias) => alias.alias)} />
                  <button class="button plain icon" aria-label={`Add an alias to version ${version.version}`} onClick={() => onAsk({ what: "alias", of: version })}>
                    <Icon name="plus" size={14} />
                  </button>
                </div>
              </td>
              <td class="soft wide" title={date(version.creation_timestamp)}>
                {ago(version.creation_timestamp)}
              </td>
              <td class="soft wide">{version.user_id}</td>
              <td class="wide about soft clip">{version.description?.split("\n", 1)[0]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
