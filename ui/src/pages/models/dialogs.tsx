/** The questions that the pages of models ask. */
import { useSignal } from "@preact/signals";
import { Dialog } from "../../parts/dialog";
import { go, to } from "../../router";
import * as data from "./data";

export type Asking =
  | { readonly what: "create" }
  | { readonly what: "rename"; readonly name: string }
  | { readonly what: "delete"; readonly name: string }
  | { readonly what: "alias"; readonly of: data.Version }
  | { readonly what: "delete-version"; readonly of: data.Version }
  | { readonly what: "move"; readonly of: data.Version; readonly stage: string };

export function Question({ asking, onClose }: { asking: Asking; onClose: () => void }) {
  if (asking.what === "create") return <Create onClose={onClose} />;
  if (asking.what === "rename") return <Rename name={asking.name} onClose={onClose} />;
  if (asking.what === "delete") return <Delete name={asking.name} onClose={onClose} />;
  if (asking.what === "alias") return <Alias of={asking.of} onClose={onClose} />;
  if (asking.what === "delete-version") return <DeleteVersion of={asking.of} onClose={onClose} />;
  return <Move of={asking.of} stage={asking.stage} onClose={onClose} />;
}

function Create({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="New model" action="Create" onClose={onClose} onDone={({ name = "", description = "" }) => data.create(name.trim(), description)}>
      <label>
        Name
        <input class="field" name="name" required autoFocus autocomplete="off" />
      </label>
      <label>
        Description (Markdown)
        <textarea class="field" name="description" />
      </label>
    </Dialog>
  );
}

function Rename({ name, onClose }: { name: string; onClose: () => void }) {
  const done = async ({ name: next = "" }: Record<string, string>) => {
    const isDone = await data.rename(name, next.trim());
    if (isDone) go(to(["models", next.trim()]));
    return isDone;
  };
  return (
    <Dialog title="Rename model" action="Rename" onClose={onClose} onDone={done}>
      <label>
        Name
        <input class="field" name="name" required autoFocus autocomplete="off" defaultValue={name} />
      </label>
    </Dialog>
  );
}

function Delete({ name, onClose }: { name: string; onClose: () => void }) {
  const done = async () => {
    const isDone = await data.remove(name);
    if (isDone) go(to(["models"]));
    return isDone;
  };
  return (
    <Dialog title={`Delete ${name}?`} action="Delete" isDangerous onClose={onClose} onDone={done}>
      <p class="soft">Its versions and aliases go with it, for good. The runs that made them, and their files, stay.</p>
    </Dialog>
  );
}

interface Props {
  readonly of: data.Version;
  readonly onClose: () => void;
}

function Alias({ of, onClose }: Props) {
  return (
    <Dialog title={`Alias of version ${of.version}`} action="Set alias" onClose={onClose} onDone={({ alias = "" }) => data.setAlias(of.name, alias.trim(), of.version)}>
      <label>
        Alias
        <input class="field" name="alias" required autoFocus autocomplete="off" placeholder="champion" />
      </label>
      <p class="soft small">An alias that points to another version is moved here.</p>
    </Dialog>
  );
}

function DeleteVersion({ of, onClose }: Props) {
  const done = async () => {
    const isDone = await data.removeVersion(of.name, of.version);
    if (isDone) go(to(["models", of.name]));
    return isDone;
  };
  return (
    <Dialog title={`Delete version ${of.version}?`} action="Delete" isDangerous onClose={onClose} onDone={done}>
      <p class="soft">It goes for good; the run that made it, and its files, stay.</p>
    </Dialog>
  );
}

function Move({ of, stage, onClose }: Props & { readonly stage: string }) {
  const mayArchive = stage === "Production" || stage === "Staging";
  const archives = useSignal(mayArchive);
  return (
    <Dialog title={`Version ${of.version} to ${stage}?`} action={`Move to ${stage}`} onClose={onClose} onDone={() => data.move(of, stage, mayArchive && archives.value)}>
      <p class="soft">It is in {of.current_stage ?? "None"} now.</p>
      {mayArchive && (
        <label class="tick">
          <input type="checkbox" checked={archives.value} onChange={(event) => (archives.value = event.currentTarget.checked)} />
          Archive the versions that are there now
        </label>
      )}
    </Dialog>
  );
}
