/** What is done with the chosen runs. */
import { useSignal } from "@preact/signals";
import { plural } from "../../format";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icon";
import { to } from "../../router";
import { PAGES } from "../../pages";
import * as data from "./data";

const MOST_COMPARED = 50;
const hasCompare = PAGES.some((row) => row.pattern === "compare");

interface Props {
  readonly asked: data.Asked;
  readonly chosen: ReadonlySet<string>;
  readonly onClear: () => void;
}

export function Actions({ asked, chosen, onClear }: Props) {
  const question = useSignal<"" | "tag" | "delete">("");
  const ids = [...chosen];
  const isDeleted = asked.view === "DELETED_ONLY";
  const close = () => (question.value = "");
  return (
    <div class="row actions-bar" role="toolbar" aria-label="Chosen runs">
      <strong>{plural(ids.length, "run")} chosen</strong>
      {hasCompare && (
        <a class="button" aria-disabled={ids.length < 2 || ids.length > MOST_COMPARED} href={to(["compare"], { runs: ids.slice(0, MOST_COMPARED).join(",") })}>
          <Icon name="compare" /> Compare
        </a>
      )}
      <button class="button" onClick={() => (question.value = "tag")}>
        <Icon name="tag" /> Tag
      </button>
      {isDeleted ? (
        <button class="button" onClick={() => void data.restore(ids).then(onClear)}>
          <Icon name="undo" /> Restore
        </button>
      ) : (
        <>
          <button class="button" onClick={() => void data.stop(ids)}>
            <Icon name="stop" /> Stop
          </button>
          <button class="button danger" onClick={() => (question.value = "delete")}>
            <Icon name="trash" /> Delete
          </button>
        </>
      )}
      <button class="button" onClick={() => void data.exportCsv(asked, chosen)}>
        <Icon name="download" /> CSV
      </button>
      <button class="button plain" onClick={onClear}>
        <Icon name="close" /> Clear
      </button>
      {question.value === "tag" && (
        <Dialog title={`Tag ${plural(ids.length, "run")}`} action="Set tag" onClose={close} onDone={({ key = "", value = "" }) => data.tag(ids, key.trim(), value)}>
          <label>
            Key
            <input class="field" name="key" required autoFocus autocomplete="off" />
          </label>
          <label>
            Value
            <input class="field" name="value" autocomplete="off" />
          </label>
        </Dialog>
      )}
      {question.value === "delete" && (
        <Dialog
          title={`Delete ${plural(ids.length, "run")}?`}
          action="Delete"
          isDangerous
          onClose={close}
          onDone={async () => {
            await data.remove(ids);
            onClear();
            return true;
          }}
        >
          <p class="soft">They are hidden; “Deleted” lists them, and they can be restored there.</p>
        </Dialog>
      )}
    </div>
  );
}
