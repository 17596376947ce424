/** What the pages of models share: stages, aliases, descriptions that are edited in place, and histories. */
import { useSignal } from "@preact/signals";
import { ago, date } from "../../format";
import { Card } from "../../parts/cards";
import { Icon } from "../../parts/icon";
import { Markdown } from "../../parts/markdown";
import { Menu } from "../../parts/menu";
import { to } from "../../router";
import * as data from "./data";
import type { Asking } from "./dialogs";
import "./models.css";

const KINDS: Readonly<Record<string, string>> = { Production: "good", Staging: "busy", Archived: "" };

export const Stage = ({ stage = "None" }: { stage?: string | undefined }) =>
  stage === "None" ? <span class="faint">None</span> : <span class={`badge ${KINDS[stage] ?? ""}`}>{stage}</span>;

export function Aliases({ aliases, name, onRemove }: { aliases: readonly string[]; name: string; onRemove?: boolean }) {
  return (
    <>
      {aliases.map((alias) => (
        <span class="chip" key={alias}>
          <span class="clip">@{alias}</span>
          {onRemove && (
            <button class="bare" aria-label={`Remove alias ${alias}`} onClick={() => void data.deleteAlias(name, alias)}>
              <Icon name="close" size={12} />
            </button>
          )}
        </span>
      ))}
    </>
  );
}

export function StageMenu({ of, onAsk }: { of: data.Version; onAsk: (asking: Asking) => void }) {
  return (
    <Menu label={<><Stage stage={of.current_stage} /> <Icon name="down" size={12} /></>} name={`${of.current_stage ?? "None"}, stage of version ${of.version}`} kind="button plain">
      {data.STAGES.filter((stage) => stage !== (of.current_stage ?? "None")).map((stage) => (
        <button key={stage} onClick={() => onAsk({ what: "move", of, stage })}>
          Move to {stage}
        </button>
      ))}
    </Menu>
  );
}

export function Description({ text, onSave }: { text: string; onSave: (text: string) => Promise<boolean> }) {
  const isEdited = useSignal(false);
  const save = async (event: Event) => {
    event.preventDefault();
    if (await onSave(String(new FormData(event.currentTarget as HTMLFormElement).get("text")))) isEdited.value = false;
  };
  const edit = (
    <button class="button plain icon" aria-label="Edit the description" onClick={() => (isEdited.value = true)}>
      <Icon name="edit" />
    </button>
  );
  return (
    <Card title="Description" actions={!isEdited.value && edit}>
      {isEdited.value ? (
        <form class="stack" onSubmit={save}>
          <textarea class="field" name="text" rows={6} aria-label="Description (Markdown)" autoFocus defaultValue={text} />
          <div class="row">
            <button class="button main">Save</button>
            <button type="button" class="button" onClick={() => (isEdited.value = false)}>
              Cancel
            </button>
          </div>
        </form>
      ) : text ? (
        <Markdown text={text} />
      ) : (
        <p class="faint">No description yet.</p>
      )}
    </Card>
  );
}

const spoken = (action: string) => action.replaceAll("_", " ").replaceAll("-", " ");

/** From what to what; of an alias that is new, its version is said already. */
function change({ before, after, version }: data.Event): string {
  if (before) return `${before} → ${after || "nothing"}`;
  return after && after !== version ? after : "";
}

export function History({ events, name }: { events: readonly data.Event[]; name: string }) {
  const newest = [...events].reverse();
  return (
    <Card title="History">
      {newest.length === 0 && <p class="faint">Nothing has happened yet.</p>}
      <ol class="history plain-list">
        {newest.map((event, index) => (
          <li key={index}>
            <span class="faint small when" title={date(event.timestamp)}>
              {ago(event.timestamp)}
            </span>
            <span class="grow">
              {spoken(event.action)}{" "}
              {event.version && <a href={to(["models", name, "versions", event.version])}>version {event.version}</a>}
              <span class="soft change"> {change(event)}</span>
              {event.user_id && <span class="soft"> by {event.user_id}</span>}
            </span>
          </li>
        ))}
      </ol>
    </Card>
  );
}
