/** A text to take along: shown as code, with a button that copies it. */
import { Icon } from "./icon";
import { tell } from "./toasts";
import "./copy.css";

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell("Copied.");
  } catch {
    tell("The browser does not allow copying here: mark the text and copy it.", { isBad: true });
  }
}

export function CopyButton({ text, what }: { text: string; what: string }) {
  return (
    <button type="button" class="button plain icon small-icon" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={() => void copy(text)}>
      <Icon name="copy" size={14} />
    </button>
  );
}

export function Command({ text, what }: { text: string; what: string }) {
  return (
    <div class="copyable">
      <pre class="command" tabIndex={0} aria-label={what}>
        {text}
      </pre>
      <CopyButton text={text} what={what} />
    </div>
  );
}
