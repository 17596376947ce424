/**
 * What happens in the store, noticed: while the page is visible it asks for a short text that changes with every change. That
 * costs the server a fraction of a millisecond; data is fetched only when the text has changed.
 */
import { signal } from "@preact/signals";
import { Failure, isLost, own } from "./api";

const EVERY_MS = 1500;
const LOST_EVERY_MS = 2000;

/** Goes up when something in the store has changed. */
export const changes = signal(0);

let known = "";

async function look(): Promise<void> {
  if (document.hidden) return;
  const wasLost = isLost.value;
  try {
    const found = await own.get<{ state: string }>("changes");
    if (wasLost || (known && found.state !== known)) changes.value += 1;
    known = found.state;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

let timer = 0;
async function again(): Promise<void> {
  clearTimeout(timer);
  await look();
  timer = window.setTimeout(again, isLost.value ? LOST_EVERY_MS : EVERY_MS);
}

/** Look now: after a change of one's own, for example. */
export const lookNow = (): void => void again();

export function startLive(): void {
  document.addEventListener("visibilitychange", () => document.hidden || lookNow());
  lookNow();
}
