/** The state of a run, as a word and a colour. */
const KINDS: Readonly<Record<string, readonly [string, string]>> = {
  RUNNING: ["busy", "Running"],
  SCHEDULED: ["warn", "Scheduled"],
  FINISHED: ["good", "Finished"],
  FAILED: ["bad", "Failed"],
  KILLED: ["warn", "Killed"],
};

export function Status({ status }: { status: string }) {
  const [kind, word] = KINDS[status] ?? ["", status.toLowerCase()];
  return <span class={`badge ${kind}`}>{word}</span>;
}
