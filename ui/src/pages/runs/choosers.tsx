/** Menus above the table: which columns, and by what to group. */
import { useSignal } from "@preact/signals";
import { Icon } from "../../parts/icon";
import { Menu } from "../../parts/menu";
import type { Keys } from "./data";

const SHOWN = 200;

export const columnsOf = (keys: Keys): string[] => [
  ...keys.metrics.map((key) => `metrics.${key}`),
  ...keys.params.map((key) => `params.${key}`),
  ...keys.tags.filter((key) => !key.startsWith("mlflow.")).map((key) => `tags.${key}`),
];

export const usualColumns = (keys: Keys): string[] => [...keys.metrics.slice(0, 4).map((key) => `metrics.${key}`), ...keys.params.slice(0, 4).map((key) => `params.${key}`)];

interface ColumnsProps {
  readonly keys: Keys;
  readonly chosen: readonly string[];
  readonly onChange: (columns: readonly string[]) => void;
}

export function ColumnChooser({ keys, chosen, onChange }: ColumnsProps) {
  const search = useSignal("");
  const wanted = search.value.toLowerCase();
  const all = columnsOf(keys);
  const found = all.filter((column) => column.toLowerCase().includes(wanted)).slice(0, SHOWN);
  const toggle = (column: string) => onChange(chosen.includes(column) ? chosen.filter((other) => other !== column) : [...chosen, column]);
  return (
    <Menu
      closes={false}
      alignRight
      label={
        <>
          <Icon name="columns" /> Columns
        </>
      }
    >
      <input
        class="field"
        type="search"
        placeholder="Find a column"
        aria-label="Find a column"
        value={search.value}
        onInput={(event) => (search.value = event.currentTarget.value)}
      />
      <button onClick={() => onChange(usualColumns(keys))}>
        <Icon name="undo" /> The usual ones
      </button>
      {found.map((column) => (
        <label key={column}>
          <input type="checkbox" checked={chosen.includes(column)} onChange={() => toggle(column)} />
          <span class="clip">{column}</span>
        </label>
      ))}
    </Menu>
  );
}

export function GroupChooser({ keys, by, onChange }: { keys: Keys; by: string; onChange: (by: string) => void }) {
  const all = [...keys.params.map((key) => `params.${key}`), ...keys.tags.map((key) => `tags.${key}`)];
  return (
      <select class="chooser" aria-label="Group by" value={by} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">No groups</option>
        {all.map((column) => (
          <option key={column} value={column}>
            by {column}
          </option>
        ))}
      </select>
  );
}
