/** What stands where there is nothing yet, and where something went wrong. */
import type { ComponentChildren } from "preact";
import type { Failure } from "../api";
import { Icon, type IconName } from "./icon";

/** An empty place that teaches the next command. */
export function Empty({ title, icon = "flask", command, children }: { title: string; icon?: IconName; command?: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children && <div>{children}</div>}
      {command && <pre class="command">{command}</pre>}
    </div>
  );
}

export function Notice({ failure }: { failure: Failure | undefined }) {
  if (!failure) return null;
  return (
    <p class="notice" role="alert">
      <span>
        {failure.message} {failure.hint && <span class="hint">{failure.hint}</span>}
      </span>
    </p>
  );
}

export function Loading() {
  return (
    <p class="loading" role="status">
      Loading…
    </p>
  );
}
