/** The questions that the page of a run asks. */
import { Dialog } from "../../parts/dialog";
import type { Run } from "../../types";
import * as data from "./data";

export type Asking = { readonly what: "rename" | "delete" | "stop" } | { readonly what: "tag"; readonly key?: string; readonly value?: string };

interface Props {
  readonly asking: Asking;
  readonly of: Run;
  readonly onClose: () => void;
}

export function Question({ asking, of, onClose }: Props) {
  const { run_id: id, run_name: name } = of.info;
  if (asking.what === "tag") return <Tag asking={asking} id={id} onClose={onClose} />;
  if (asking.what === "rename")
    return (
      <Dialog title="Rename run" action="Rename" onClose={onClose} onDone={({ name: next = "" }) => data.rename(id, next.trim())}>
        <label>
          Name
          <input class="field" name="name" required autoFocus autocomplete="off" defaultValue={name} />
        </label>
      </Dialog>
    );
  if (asking.what === "stop")
    return (
      <Dialog title={`Stop ${name}?`} action="Stop it" isDangerous onClose={onClose} onDone={() => data.stop(id)}>
        <p class="soft">The machine that runs it ends it as Ctrl-C would.</p>
      </Dialog>
    );
  return (
    <Dialog title={`Delete ${name}?`} action="Delete" isDangerous onClose={onClose} onDone={() => data.remove(id)}>
      <p class="soft">Nothing is lost: it can be restored until mlctl gc removes it.</p>
    </Dialog>
  );
}

function Tag({ asking, id, onClose }: { asking: { readonly key?: string; readonly value?: string }; id: string; onClose: () => void }) {
  const { key: known = "", value = "" } = asking;
  return (
    <Dialog title={known ? `Tag ${known}` : "New tag"} action="Set tag" onClose={onClose} onDone={({ key = known, value: next = "" }) => data.setTag(id, key.trim(), next)}>
      {!known && (
        <label>
          Key
          <input class="field" name="key" required autoFocus autocomplete="off" />
        </label>
      )}
      <label>
        Value
        <input class="field" name="value" autocomplete="off" autoFocus={Boolean(known)} defaultValue={value} />
      </label>
    </Dialog>
  );
}
