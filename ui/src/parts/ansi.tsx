/** Text of a terminal: its colours as classes, other escapes left out, and of a line that was written over what was last to be seen. */
import type { VNode } from "preact";

export interface Style {
  readonly ink?: string;
  readonly ground?: string;
  readonly marks: ReadonlySet<string>;
}

export const PLAIN: Style = { marks: new Set() };

// eslint-disable-next-line no-control-regex
const ESCAPE = /\x1b(?:\[([0-9;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const MARKS: Readonly<Record<number, string>> = { 1: "bold", 2: "dim", 3: "italic", 4: "under", 9: "gone" };

function palette(codes: number[]): string | undefined {
  if (codes.shift() === 2) return `rgb(${codes.splice(0, 3).map((part) => Math.min(255, part || 0)).join(" ")})`;
  const index = codes.shift() ?? 0;
  if (index < 16) return `${index}`;
  if (index > 231) return `rgb(${Array(3).fill(8 + (index - 232) * 10).join(" ")})`;
  const part = (by: number) => [0, 95, 135, 175, 215, 255][Math.floor((index - 16) / by) % 6];
  return `rgb(${part(36)} ${part(6)} ${part(1)})`;
}

function styled(before: Style, asked: string): Style {
  let { ink, ground } = before;
  const marks = new Set(before.marks);
  const codes = asked.split(/[;:]/).map(Number);
  while (codes.length) {
    const code = codes.shift()!;
    if (code === 0) [ink, ground] = [undefined, undefined], marks.clear();
    else if (MARKS[code]) marks.add(MARKS[code]);
    else if (code === 22) marks.delete("bold"), marks.delete("dim");
    else if (MARKS[code - 20]) marks.delete(MARKS[code - 20]!);
    else if (code === 38) ink = palette(codes);
    else if (code === 48) ground = palette(codes);
    else if (code === 39) ink = undefined;
    else if (code === 49) ground = undefined;
    else if (code >= 30 && code < 38) ink = `${code - 30}`;
    else if (code >= 40 && code < 48) ground = `${code - 40}`;
    else if (code >= 90 && code < 98) ink = `${code - 82}`;
    else if (code >= 100 && code < 108) ground = `${code - 92}`;
  }
  return { ...(ink ? { ink } : {}), ...(ground ? { ground } : {}), marks };
}

function span(text: string, { ink, ground, marks }: Style): VNode | string {
  if (!ink && !ground && !marks.size) return text;
  const classes = [...marks].map((mark) => `ansi-${mark}`);
  if (ink && !ink.startsWith("rgb")) classes.push(`ansi-${ink}`);
  if (ground && !ground.startsWith("rgb")) classes.push(`ansi-on-${ground}`);
  const style = { ...(ink?.startsWith("rgb") ? { color: ink } : {}), ...(ground?.startsWith("rgb") ? { background: ground } : {}) };
  return (
    <span class={classes.join(" ")} style={style}>
      {text}
    </span>
  );
}

export interface Line {
  readonly text: string;
  readonly shown: readonly (VNode | string)[];
}

/** One line, from the style that the line before it left; and the style that it leaves. */
export function parsed(raw: string, before: Style): readonly [Line, Style] {
  const written = raw.replace(/\r+$/, "");
  const line = written.slice(written.lastIndexOf("\r") + 1);
  const shown: (VNode | string)[] = [];
  let [style, at, text] = [before, 0, ""];
  for (const match of line.matchAll(ESCAPE)) {
    const part = line.slice(at, match.index);
    if (part) shown.push(span(part, style)), (text += part);
    if (match[2] === "m") style = styled(style, match[1] || "0");
    at = match.index + match[0].length;
  }
  const last = line.slice(at);
  if (last) shown.push(span(last, style));
  return [{ text: text + last, shown }, style];
}
