/** The filter box: the search language, completed while it is typed; what is wrong with it is said below. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Failure } from "../../api";
import { Icon } from "../../parts/icon";
import { quoted, type Keys } from "./data";

const ATTRIBUTES = ["attributes.status", "attributes.run_name", "attributes.run_id", "attributes.start_time", "attributes.end_time", "attributes.user_id", "duration"];
const OPERATORS = ["=", "!=", ">", ">=", "<", "<=", "LIKE", "ILIKE", "IN", "IS NULL", "IS NOT NULL"];
const JOINERS = ["AND", "OR"];
const SHOWN = 10;
const WAIT_MS = 220;

interface Props {
  readonly value: string;
  readonly keys: Keys | undefined;
  readonly failure: Failure | undefined;
  readonly onChange: (text: string) => void;
}

/** What may follow at the end of a text, and how many of its last letters that replaces. */
export function completions(text: string, keys: Keys | undefined): { found: readonly string[]; typed: number } {
  const word = /(?:^|[\s(])([\w.`/-]*)$/.exec(text)?.[1];
  if (word === undefined || (text.split("'").length - 1) % 2) return { found: [], typed: 0 };
  const before = text.slice(0, text.length - word.length).trimEnd();
  let all: readonly string[];
  if (!before || /(?:\b(?:and|or|not)|\()$/i.test(before)) all = names(keys);
  else if (/(?:'|\)|\bnull|(?:[=<>]\s*)[-\d.]+)$/i.test(before)) all = JOINERS;
  else if (/[=<>]$|\b(?:i?like|in)$/i.test(before)) all = /status\s*\S+$/i.test(before) ? ["'FINISHED'", "'RUNNING'", "'FAILED'", "'KILLED'"] : [];
  else all = OPERATORS;
  const wanted = word.toLowerCase();
  const fits = all.filter((item) => item.toLowerCase().includes(wanted) && item.toLowerCase() !== wanted);
  const first = fits.filter((item) => item.toLowerCase().startsWith(wanted));
  return { found: [...new Set([...first, ...fits])].slice(0, SHOWN), typed: word.length };
}

function names(keys: Keys | undefined): string[] {
  if (!keys) return ATTRIBUTES;
  const tags = keys.tags.filter((key) => !key.startsWith("mlflow.") || key === "mlflow.user");
  return [
    ...keys.metrics.map((key) => quoted(`metrics.${key}`)),
    ...keys.params.map((key) => quoted(`params.${key}`)),
    ...tags.map((key) => quoted(`tags.${key}`)),
    ...ATTRIBUTES,
  ];
}

export function FilterBox({ value, keys, failure, onChange }: Props) {
  const text = useSignal(value);
  const isOpen = useSignal(false);
  const at = useSignal(-1);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef(0);
  useEffect(() => {
    if (document.activeElement !== input.current) text.value = value;
  }, [value]);
  const { found, typed } = isOpen.value ? completions(text.value, keys) : { found: [], typed: 0 };
  const settle = (next: string, wait = WAIT_MS) => {
    text.value = next;
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => onChange(next.trim()), wait);
  };
  const take = (item: string) => {
    settle(`${text.value.slice(0, text.value.length - typed)}${item} `, WAIT_MS * 2);
    at.value = -1;
    input.current?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!isOpen.value) isOpen.value = true;
      else if (found.length) at.value = (at.value + (event.key === "ArrowDown" ? 1 : -1) + found.length + (at.value < 0 && event.key === "ArrowUp" ? 1 : 0)) % found.length;
      event.preventDefault();
    } else if ((event.key === "Enter" || event.key === "Tab") && at.value >= 0 && found[at.value]) {
      take(found[at.value]!);
      event.preventDefault();
    } else if (event.key === "Enter") {
      isOpen.value = false;
      settle(text.value, 0);
    } else if (event.key === "Escape") {
      isOpen.value = false;
      at.value = -1;
    }
  };
  return (
    <div class="filter grow">
      <div class="search">
        <Icon name="search" />
        <input
          ref={input}
          class="field mono"
          role="combobox"
          spellcheck={false}
          autocomplete="off"
          aria-label="Filter runs"
          aria-expanded={found.length > 0}
          aria-controls="completions"
          aria-activedescendant={at.value >= 0 ? `completion-${at.value}` : undefined}
          aria-invalid={failure ? "true" : undefined}
          placeholder="metrics.rmse < 0.7 AND params.optimizer = 'adam'"
          value={text.value}
          onFocus={() => (isOpen.value = true)}
          onBlur={() => (isOpen.value = false)}
          onInput={(event) => {
            isOpen.value = true;
            at.value = -1;
            settle(event.currentTarget.value);
          }}
          onKeyDown={onKey}
        />
        {text.value && (
          <button class="bare clear" aria-label="Clear the filter" onClick={() => settle("", 0)}>
            <Icon name="close" />
          </button>
        )}
      </div>
      {found.length > 0 && (
        <ul class="completions" id="completions" role="listbox" aria-label="Completions">
          {found.map((item, index) => (
            <li
              key={item}
              id={`completion-${index}`}
              role="option"
              class="mono"
              aria-selected={index === at.value}
              onPointerDown={(event) => {
                event.preventDefault();
                take(item);
              }}
            >
              {item}
            </li>
          ))}
        </ul>
      )}
      {failure && (
        <p class="filter-error small" role="alert">
          {failure.message} <span class="soft">{failure.hint}</span>
        </p>
      )}
    </div>
  );
}
