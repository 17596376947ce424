/** The questions that the page of experiments asks. */
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icon";
import { NOTE, tagOf, type Experiment } from "../../types";
import * as data from "./data";

export type Asking = { readonly what: "create" } | { readonly what: "rename" | "note" | "tags" | "delete"; readonly of: Experiment };

export const visibleTags = (of: Experiment) => (of.tags ?? []).filter((tag) => !tag.key.startsWith("mlflow.") && !tag.key.startsWith("mlctl."));

export function Question({ asking, onClose }: { asking: Asking; onClose: () => void }) {
  if (asking.what === "create") return <Create onClose={onClose} />;
  const { of } = asking;
  if (asking.what === "rename") return <Rename of={of} onClose={onClose} />;
  if (asking.what === "note") return <Note of={of} onClose={onClose} />;
  if (asking.what === "tags") return <Tags of={of} onClose={onClose} />;
  return <Delete of={of} onClose={onClose} />;
}

function Create({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="New experiment" action="Create" onClose={onClose} onDone={({ name = "" }) => data.create(name.trim())}>
      <label>
        Name
        <input class="field" name="name" required autoFocus autocomplete="off" />
      </label>
      <p class="soft small">
        Runs go there with <code>mlctl run … --experiment-name NAME</code>
      </p>
    </Dialog>
  );
}

interface Props {
  readonly of: Experiment;
  readonly onClose: () => void;
}

function Rename({ of, onClose }: Props) {
  return (
    <Dialog title="Rename experiment" action="Rename" onClose={onClose} onDone={({ name = "" }) => data.rename(of.experiment_id, name.trim())}>
      <label>
        Name
        <input class="field" name="name" required autoFocus autocomplete="off" defaultValue={of.name} />
      </label>
    </Dialog>
  );
}

function Note({ of, onClose }: Props) {
  return (
    <Dialog title={`Note of ${of.name}`} action="Save" onClose={onClose} onDone={({ note = "" }) => data.setTag(of.experiment_id, NOTE, note)}>
      <label>
        Note (Markdown)
        <textarea class="field" name="note" rows={8} autoFocus defaultValue={tagOf(of.tags, NOTE)} />
      </label>
    </Dialog>
  );
}

function Tags({ of, onClose }: Props) {
  const tags = visibleTags(of);
  return (
    <Dialog title={`Tags of ${of.name}`} action="Set tag" onClose={onClose} onDone={({ key = "", value = "" }) => data.setTag(of.experiment_id, key.trim(), value)}>
      {tags.length > 0 && (
        <ul class="row tag-list">
          {tags.map((tag) => (
            <li class="chip" key={tag.key}>
              <span class="clip">
                {tag.key}: {tag.value}
              </span>
              <button type="button" class="bare" aria-label={`Remove tag ${tag.key}`} onClick={() => void data.deleteTag(of.experiment_id, tag.key).then(onClose)}>
                <Icon name="close" size={12} />
              </button>
            </li>
          ))}
        </ul>
      )}
      <label>
        Key
        <input class="field" name="key" required autoFocus autocomplete="off" />
      </label>
      <label>
        Value
        <input class="field" name="value" autocomplete="off" />
      </label>
    </Dialog>
  );
}

function Delete({ of, onClose }: Props) {
  return (
    <Dialog title={`Delete ${of.name}?`} action="Delete" isDangerous onClose={onClose} onDone={() => data.remove(of)}>
      <p class="soft">Its runs are hidden with it. Nothing is lost: “Deleted” lists it, and it can be restored there.</p>
    </Dialog>
  );
}
