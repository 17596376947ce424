/** What is told in passing: that something was done, or failed. */
import { signal } from "@preact/signals";
import { Failure } from "../api";

const LASTS_MS = 6000;
interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
}
const shown = signal<readonly Toast[]>([]);
let next = 0;

export function tell(text: string, { isBad = false } = {}): void {
  const toast = { id: next++, text, isBad };
  shown.value = [...shown.value, toast];
  setTimeout(() => (shown.value = shown.value.filter((other) => other !== toast)), LASTS_MS);
}

/** Do something and say so; what fails is told too. Returns whether it was done. */
export async function attempt(what: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    await what();
    if (done) tell(done);
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(`${error.message} ${error.hint}`.trim(), { isBad: true });
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map((toast) => (
        <div key={toast.id} class={`toast${toast.isBad ? " bad" : ""}`}>
          {toast.text}
        </div>
      ))}
    </div>
  );
}
