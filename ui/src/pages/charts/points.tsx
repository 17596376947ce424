/** Charts of one value a run: scatter, bars and parallel coordinates, drawn as SVG. */
import { number } from "../../format";
import { colourOf } from "../runs/colours";
import type { Cell, RunRow } from "../runs/data";

const WIDTH = 640;
const HEIGHT = 320;
const EDGE = { left: 64, right: 18, top: 18, bottom: 42 };

interface Props {
  readonly runs: readonly RunRow[];
  /** Columns of the runs' cells, in their order. */
  readonly columns: readonly string[];
}

type Scale = (cell: Cell | undefined) => number | undefined;
interface Axis {
  readonly at: Scale;
  readonly ticks: readonly (readonly [number, string])[];
}

/** A scale from 0 to 1: of numbers where all are some, else of words in their order. */
function axis(cells: readonly (Cell | undefined)[]): Axis {
  const given = cells.filter((cell): cell is string | number => cell !== null && cell !== undefined && cell !== "");
  const numbers = given.map(Number);
  if (numbers.length && numbers.every(Number.isFinite)) {
    const low = Math.min(...numbers);
    const span = Math.max(...numbers) - low || 1;
    const at: Scale = (cell) => (cell === null || cell === undefined || cell === "" ? undefined : (Number(cell) - low) / span);
    return { at, ticks: [0, 0.25, 0.5, 0.75, 1].map((part) => [part, number(low + part * span)]) };
  }
  const words = [...new Set(given.map(String))].sort();
  const place = (word: string) => (words.length < 2 ? 0.5 : words.indexOf(word) / (words.length - 1));
  return { at: (cell) => (cell === null || cell === undefined ? undefined : place(String(cell))), ticks: words.slice(0, 12).map((word) => [place(word), word]) };
}

const across = (part: number) => EDGE.left + part * (WIDTH - EDGE.left - EDGE.right);
const up = (part: number) => HEIGHT - EDGE.bottom - part * (HEIGHT - EDGE.top - EDGE.bottom);
const short = (text: string) => (text.length > 12 ? `${text.slice(0, 11)}…` : text);
const name = (column: string | undefined) => column?.slice(column.indexOf(".") + 1) ?? "";

function Frame({ label, children }: { label: string; children: preact.ComponentChildren }) {
  return (
    <svg class="drawn" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {children}
    </svg>
  );
}

export function Scatter({ runs, columns, x, y }: Props & { readonly x: string; readonly y: string }) {
  const [atX, atY] = [columns.indexOf(x), columns.indexOf(y)];
  const [horizontal, vertical] = [axis(runs.map((row) => row.cells[atX])), axis(runs.map((row) => row.cells[atY]))];
  return (
    <Frame label={`${name(y)} by ${name(x)}`}>
      {vertical.ticks.map(([part, text]) => (
        <g key={text}>
          <line class="rule" x1={EDGE.left} x2={WIDTH - EDGE.right} y1={up(part)} y2={up(part)} />
          <text class="tick" x={EDGE.left - 8} y={up(part) + 4} text-anchor="end">
            {short(text)}
          </text>
        </g>
      ))}
      {horizontal.ticks.map(([part, text]) => (
        <text class="tick" key={text} x={across(part)} y={HEIGHT - EDGE.bottom + 17} text-anchor="middle">
          {short(text)}
        </text>
      ))}
      <text class="label" x={across(0.5)} y={HEIGHT - 6} text-anchor="middle">
        {name(x)}
      </text>
      {runs.map((row) => {
        const [partX, partY] = [horizontal.at(row.cells[atX]), vertical.at(row.cells[atY])];
        if (partX === undefined || partY === undefined) return null;
        return (
          <circle key={row.id} cx={across(partX)} cy={up(partY)} r={5} fill={colourOf(row.id)} class="dot">
            <title>{`${row.name}: ${name(x)} ${row.cells[atX]}, ${name(y)} ${row.cells[atY]}`}</title>
          </circle>
        );
      })}
    </Frame>
  );
}

const BARS = 24;

export function Bars({ runs, columns, y }: Props & { readonly y: string }) {
  const at = columns.indexOf(y);
  const shown = runs.filter((row) => typeof row.cells[at] === "number").slice(0, BARS);
  const values = shown.map((row) => row.cells[at] as number);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const part = (value: number) => (value - low) / (high - low || 1);
  const width = (WIDTH - EDGE.left - EDGE.right) / Math.max(1, shown.length);
  return (
    <Frame label={`${name(y)} of each run`}>
      {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
        <g key={tick}>
          <line class="rule" x1={EDGE.left} x2={WIDTH - EDGE.right} y1={up(tick)} y2={up(tick)} />
          <text class="tick" x={EDGE.left - 8} y={up(tick) + 4} text-anchor="end">
            {number(low + tick * (high - low))}
          </text>
        </g>
      ))}
      {shown.map((row, index) => {
        const [zero, end] = [up(part(0)), up(part(values[index]!))];
        return (
          <g key={row.id}>
            <rect x={EDGE.left + index * width + width * 0.14} width={width * 0.72} y={Math.min(zero, end)} height={Math.abs(zero - end)} rx={2} fill={colourOf(row.id)}>
              <title>{`${row.name}: ${values[index]}`}</title>
            </rect>
            {shown.length <= 8 && (
              <text class="tick" x={EDGE.left + (index + 0.5) * width} y={HEIGHT - EDGE.bottom + 17} text-anchor="middle">
                {short(row.name)}
              </text>
            )}
          </g>
        );
      })}
    </Frame>
  );
}

const MOST_AXES = 8;

export function Parallel({ runs, columns }: Props) {
  const shown = columns.slice(0, MOST_AXES);
  const axes = shown.map((_, at) => axis(runs.map((row) => row.cells[at])));
  const place = (at: number) => (shown.length < 2 ? across(0.5) : across(at / (shown.length - 1)));
  return (
    <Frame label={`Parallel coordinates of ${shown.map(name).join(", ")}`}>
      {runs.map((row) => {
        const dots = axes.flatMap((one, at) => {
          const part = one.at(row.cells[at]);
          return part === undefined ? [] : [`${place(at)},${up(part)}`];
        });
        return (
          <polyline key={row.id} points={dots.join(" ")} fill="none" stroke={colourOf(row.id)} class="thread">
            <title>{row.name}</title>
          </polyline>
        );
      })}
      {axes.map((one, at) => (
        <g key={shown[at]}>
          <line class="pole" x1={place(at)} x2={place(at)} y1={up(0)} y2={up(1)} />
          {[one.ticks[0], one.ticks.at(-1)].map((tick) => tick && (
            <text class="tick" key={tick[1]} x={place(at)} y={tick[0] < 0.5 ? up(0) + 13 : up(1) - 5} text-anchor="middle">
              {short(tick[1])}
            </text>
          ))}
          <text class="label" x={place(at)} y={HEIGHT - 8} text-anchor="middle">
            {short(name(shown[at]))}
          </text>
        </g>
      ))}
    </Frame>
  );
}
