/** A question in front of the page: the browser's own modal dialog, which keeps the focus and closes with Escape. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

interface Props {
  readonly title: string;
  readonly action: string;
  readonly isDangerous?: boolean;
  readonly onClose: () => void;
  /** Called with the form's fields; the dialog closes when it answers true. */
  readonly onDone: (fields: Record<string, string>) => Promise<boolean> | boolean;
  readonly children: ComponentChildren;
}

export function Dialog({ title, action, isDangerous = false, onClose, onDone, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    const fields = Object.fromEntries([...new FormData(event.currentTarget as HTMLFormElement)].map(([name, value]) => [name, String(value)]));
    if (await onDone(fields)) dialog.current?.close();
  };
  return (
    <dialog ref={dialog} onClose={onClose} aria-label={title}>
      <form onSubmit={submit}>
        <h2>{title}</h2>
        {children}
        <div class="actions">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class={`button ${isDangerous ? "danger" : "main"}`}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
