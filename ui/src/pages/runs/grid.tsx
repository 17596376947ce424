/** The table of runs: only the lines in view are in the document, whatever their number. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ago, date, duration, number } from "../../format";
import { Icon } from "../../parts/icon";
import { Status } from "../../parts/status";
import { to } from "../../router";
import { colourOf, setColour } from "./colours";
import type { RunRow } from "./data";
import type { Line, Rows } from "./rows";

const ROW_PX = 34;
const SPARE = 12;

export interface Marks {
  readonly chosen: ReadonlySet<string>;
  readonly hidden: ReadonlySet<string>;
  readonly pinned: ReadonlySet<string>;
  readonly toggle: (which: "chosen" | "hidden" | "pinned", id: string, isRange?: boolean) => void;
}

interface Props {
  readonly rows: Rows;
  readonly pinnedRows: readonly RunRow[];
  readonly columns: readonly string[];
  readonly order: string;
  readonly isTree: boolean;
  readonly marks: Marks;
  readonly onOrder: (order: string) => void;
}

const FIXED: readonly (readonly [string, string, string, string])[] = [
  ["Run", "attributes.run_name", "minmax(230px, 1fr)", ""],
  ["Status", "attributes.status", "104px", ""],
  ["Started", "attributes.start_time", "104px", ""],
  ["Duration", "", "92px", "num"],
  ["User", "attributes.user_id", "84px", ""],
];

const CELL_PX = 100;
const GAP_PX = 14;
const FIXED_PX = 116 + 230 + 104 + 104 + 92 + 84 + 7 * GAP_PX;
const template = (columns: readonly string[]) => ["116px", ...FIXED.map((item) => item[2]), ...columns.map(() => `${CELL_PX}px`)].join(" ");

export function Grid(props: Props) {
  const { rows, pinnedRows, columns } = props;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  rows.version.value; // draw anew when there are new rows
  const total = rows.length;
  useLayoutEffect(() => {
    const watcher = new ResizeObserver(([entry]) => (height.value = entry!.contentRect.height));
    watcher.observe(box.current!);
    return () => watcher.disconnect();
  }, []);
  const first = Math.max(0, Math.floor(top.value / ROW_PX) - SPARE);
  const last = Math.min(total, Math.ceil((top.value + height.value) / ROW_PX) + SPARE);
  useEffect(() => rows.look(first, last), [first, last, total]);
  const head = useRef("");
  useSignalEffect(() => {
    const length = rows.total.value;
    if (length !== undefined && head.current !== props.order) {
      head.current = props.order;
      box.current?.scrollTo({ top: 0 });
    }
  });
  const style = { gridTemplateColumns: template(columns) };
  const lines = Array.from({ length: Math.max(0, last - first) }, (_, index) => first + index);
  return (
    <div
      class="grid card"
      ref={box}
      role="table"
      aria-label="Runs"
      aria-rowcount={total + 1}
      tabIndex={0}
      onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
      onKeyDown={walk}
    >
      <div class="grid-body" role="rowgroup" style={{ minWidth: `${FIXED_PX + columns.length * (CELL_PX + GAP_PX)}px` }}>
        <div class="grid-head" role="row" style={style}>
          <span role="columnheader">
            <span class="hidden-text">Marks</span>
          </span>
          {FIXED.map(([text, key, , kind]) => (
            <Heading key={text} text={text} column={key} kind={kind} {...props} />
          ))}
          {columns.map((column) => (
            <Heading key={column} text={column.slice(column.indexOf(".") + 1)} column={column} kind={column.startsWith("metrics.") ? "num" : ""} {...props} />
          ))}
        </div>
        {pinnedRows.map((row) => (
          <Row key={`pinned ${row.id}`} line={{ row, depth: 0 }} index={0} style={style} isPinnedCopy {...props} />
        ))}
        <div class="grid-lines" role="presentation" style={{ height: `${total * ROW_PX}px` }}>
          {lines.map((index) => {
            const line = rows.line(index);
            return line ? (
              <Row key={line.row.id} line={line} index={index} style={{ ...style, transform: `translateY(${index * ROW_PX}px)` }} {...props} />
            ) : (
              <div key={`#${index}`} class="grid-row waiting" role="row" style={{ ...style, transform: `translateY(${index * ROW_PX}px)` }}>
                <span role="cell" />
                <span role="cell" class="faint">
                  …
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** Arrow keys go from one run's link to the next. */
function walk(event: KeyboardEvent): void {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const box = event.currentTarget as HTMLElement;
  const links = [...box.querySelectorAll<HTMLElement>(".run-link")];
  const at = links.indexOf(document.activeElement as HTMLElement);
  const next = links[at < 0 ? 0 : at + (event.key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  next.focus({ preventScroll: true });
  next.closest(".grid-row")?.scrollIntoView({ block: "nearest" });
  event.preventDefault();
}

type HeadingProps = Props & { readonly text: string; readonly column: string; readonly kind: string };

function Heading({ text, column, kind, order, onOrder }: HeadingProps) {
  const [name, way] = [order.replace(/ (ASC|DESC)$/, ""), order.endsWith(" DESC") ? "descending" : "ascending"];
  const isOrder = column !== "" && name === column;
  const next = !isOrder ? `${column} ${column.startsWith("metrics.") || column.endsWith("_time") ? "DESC" : "ASC"}` : way === "descending" ? `${column} ASC` : `${column} DESC`;
  return (
    <span role="columnheader" class={kind} aria-sort={isOrder ? (way as "ascending" | "descending") : undefined} title={column || text}>
      {column ? (
        <button class="heading" onClick={() => onOrder(next)}>
          <span class="clip">{text}</span>
          {isOrder && <Icon name={way === "descending" ? "down" : "up"} size={12} />}
        </button>
      ) : (
        <span class="heading">{text}</span>
      )}
    </span>
  );
}

type RowProps = Props & { readonly line: Line; readonly index: number; readonly style: Record<string, string>; readonly isPinnedCopy?: boolean };

function Row({ line, index, style, columns, marks, rows, isTree, isPinnedCopy = false }: RowProps) {
  const { row, depth } = line;
  const isHidden = marks.hidden.has(row.id);
  const isPinned = marks.pinned.has(row.id);
  const kind = `grid-row${marks.chosen.has(row.id) ? " chosen" : ""}${isHidden ? " dimmed" : ""}${isPinnedCopy ? " pinned" : ""}`;
  return (
    <div class={kind} role="row" aria-rowindex={isPinnedCopy ? undefined : index + 2} style={style}>
      <span role="cell" class="marks">
        <input
          type="checkbox"
          checked={marks.chosen.has(row.id)}
          aria-label={`Choose ${row.name}`}
          onClick={(event) => marks.toggle("chosen", row.id, event.shiftKey)}
        />
        <label class="swatch" title="Colour" style={{ backgroundColor: colourOf(row.id) }}>
          <input type="color" value={colourOf(row.id)} aria-label={`Colour of ${row.name}`} onInput={(event) => setColour(row.id, event.currentTarget.value)} />
        </label>
        <button class="bare" aria-pressed={isHidden} aria-label={`Hide ${row.name} in charts`} title="Hide in charts" onClick={() => marks.toggle("hidden", row.id)}>
          <Icon name={isHidden ? "eye-off" : "eye"} size={14} />
        </button>
        <button class={`bare${isPinned ? " on" : ""}`} aria-pressed={isPinned} aria-label={`Pin ${row.name}`} title="Pin on top" onClick={() => marks.toggle("pinned", row.id)}>
          <Icon name="pin" size={14} />
        </button>
      </span>
      <span role="cell" class={`run-name depth-${depth}`}>
        {row.children > 0 && isTree && (
          <button class="bare" aria-expanded={rows.isOpen(row.id)} aria-label={`Runs under ${row.name}`} onClick={() => void rows.toggle(row.id)}>
            <Icon name={rows.isOpen(row.id) ? "down" : "right"} size={14} />
          </button>
        )}
        <a class="clip run-link" href={to(["experiments", row.experiment, "runs", row.id])} title={row.name}>
          {row.name}
        </a>
        {row.children > 0 && <span class="faint small">{row.children} nested</span>}
      </span>
      <span role="cell">
        <Status status={row.status} />
      </span>
      <span role="cell" class="soft clip" title={date(row.start)}>
        {ago(row.start)}
      </span>
      <span role="cell" class="soft num">
        {row.end ? duration(row.end - row.start) : row.status === "RUNNING" ? duration(Date.now() - row.start) : ""}
      </span>
      <span role="cell" class="soft clip" title={row.user}>
        {row.user}
      </span>
      {columns.map((column, at) => {
        const cell = row.cells[at];
        const isMetric = column.startsWith("metrics.");
        return (
          <span key={column} role="cell" class={isMetric ? "num clip" : "clip"} title={cell === null || cell === undefined ? "" : String(cell)}>
            {cell === null || cell === undefined ? <span class="faint">–</span> : isMetric ? number(cell) : cell}
          </span>
        );
      })}
    </div>
  );
}
