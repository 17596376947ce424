/** The colour of each run, the same in table and charts: drawn from its id until somebody chooses one. */
import { signal } from "@preact/signals";
import { remember, remembered } from "../../memory";

const PALETTE = ["#0f8b80", "#d9622b", "#4067c9", "#b8449a", "#7a9a1e", "#c08a00", "#7d5bd0", "#c23b4e", "#2b93c4", "#8a6a4f", "#2f9e5b", "#6b7686"];

const chosen = signal(remembered<Record<string, string>>("colours", {}));

export function colourOf(id: string): string {
  const own = chosen.value[id];
  if (own) return own;
  let hash = 0;
  for (let at = 0; at < id.length; at++) hash = (hash * 31 + id.charCodeAt(at)) >>> 0;
  return PALETTE[hash % PALETTE.length]!;
}

export function setColour(id: string, colour: string): void {
  chosen.value = { ...chosen.value, [id]: colour };
  remember("colours", chosen.value);
}
