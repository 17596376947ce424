/** Markdown as elements. No HTML is made from text at any point: markup in a note is text, and a link leads to http, https or mail only. */
import type { ComponentChildren, VNode } from "preact";
import "./markdown.css";

const LINK = /^(https?:\/\/|mailto:|#)/i;
const INLINE = /(`+)(.+?)\1|!?\[([^\]]*)\]\(\s*([^\s)]+)[^)]*\)|\*\*(.+?)\*\*|__(.+?)__|~~(.+?)~~|\*([^*\s][^*]*)\*|\b_([^_\s][^_]*)_\b|(https?:\/\/[^\s<>"')\]]+)/;

function inline(text: string): ComponentChildren[] {
  const found: ComponentChildren[] = [];
  let rest = text;
  for (let match = INLINE.exec(rest); match; match = INLINE.exec(rest)) {
    found.push(rest.slice(0, match.index), piece(match));
    rest = rest.slice(match.index + match[0].length);
  }
  return [...found, rest];
}

function piece(match: RegExpExecArray): ComponentChildren {
  const [whole, , code, label, address, strong, strong2, gone, soft, soft2, bare] = match;
  if (code !== undefined) return <code>{code.trim()}</code>;
  if (address !== undefined) return LINK.test(address) ? link(address, label || address) : whole;
  if (strong ?? strong2) return <strong>{inline((strong ?? strong2)!)}</strong>;
  if (gone) return <del>{inline(gone)}</del>;
  if (soft ?? soft2) return <em>{inline((soft ?? soft2)!)}</em>;
  return bare ? link(bare, bare) : whole;
}

const link = (address: string, label: string) => (
  <a href={address} rel="noopener noreferrer nofollow" target={address.startsWith("#") ? undefined : "_blank"}>
    {label}
  </a>
);

type Taken = readonly [VNode, number];
type Rule = (lines: readonly string[], at: number) => Taken | undefined;

const fence: Rule = (lines, at) => {
  const open = /^\s*(```+|~~~+)/.exec(lines[at]!)?.[1];
  if (!open) return undefined;
  let end = at + 1;
  while (end < lines.length && !lines[end]!.trim().startsWith(open)) end++;
  return [<pre class="command">{lines.slice(at + 1, end).join("\n")}</pre>, end + 1];
};

const heading: Rule = (lines, at) => {
  const found = /^(#{1,6})\s+(.*?)\s*#*$/.exec(lines[at]!);
  if (!found) return undefined;
  const text = inline(found[2]!);
  return [found[1]!.length < 3 ? <h3 class="large">{text}</h3> : <h3>{text}</h3>, at + 1];
};

const line: Rule = (lines, at) => (/^\s*([-*_])(\s*\1){2,}\s*$/.test(lines[at]!) ? [<hr />, at + 1] : undefined);

const quote: Rule = (lines, at) => {
  let end = at;
  while (end < lines.length && /^\s*>/.test(lines[end]!)) end++;
  return end > at ? [<blockquote>{blocks(lines.slice(at, end).map((one) => one.replace(/^\s*> ?/, "")))}</blockquote>, end] : undefined;
};

const ITEM = /^(\s*)([-*+]|\d+[.)])\s+(.*)$/;

const list: Rule = (lines, at) => {
  const first = ITEM.exec(lines[at]!);
  if (!first) return undefined;
  const depth = first[1]!.length;
  const items: string[][] = [];
  let end = at;
  for (; end < lines.length; end++) {
    const found = ITEM.exec(lines[end]!);
    if (found && found[1]!.length <= depth) items.push([found[3]!]);
    else if (/^\s+\S/.test(lines[end]!)) items.at(-1)!.push(lines[end]!.slice(Math.min(depth + 2, lines[end]!.search(/\S/))));
    else break;
  }
  const shown = items.map((item) => <li>{item.length === 1 ? inline(item[0]!) : blocks(item)}</li>);
  return [/\d/.test(first[2]!) ? <ol>{shown}</ol> : <ul>{shown}</ul>, end];
};

const cells = (row: string) => row.trim().replace(/^\||\|$/g, "").split("|").map((cell) => inline(cell.trim()));

const table: Rule = (lines, at) => {
  if (!lines[at]!.includes("|") || !/^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/.test(lines[at + 1] ?? "")) return undefined;
  let end = at + 2;
  while (end < lines.length && lines[end]!.includes("|")) end++;
  const shown = (
    <div class="scroll">
      <table class="list">
        <thead>
          <tr>{cells(lines[at]!).map((cell) => <th>{cell}</th>)}</tr>
        </thead>
        <tbody>
          {lines.slice(at + 2, end).map((row) => (
            <tr>{cells(row).map((cell) => <td>{cell}</td>)}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
  return [shown, end];
};

const RULES: readonly Rule[] = [fence, heading, line, quote, list, table];

function blocks(lines: readonly string[]): VNode[] {
  const found: VNode[] = [];
  let paragraph: string[] = [];
  const close = () => {
    if (paragraph.length) found.push(<p>{inline(paragraph.join("\n"))}</p>);
    paragraph = [];
  };
  for (let at = 0; at < lines.length; ) {
    const taken = RULES.reduce<Taken | undefined>((known, rule) => known ?? rule(lines, at), undefined);
    if (taken || !lines[at]!.trim()) close();
    if (taken) found.push(taken[0]);
    else if (lines[at]!.trim()) paragraph.push(lines[at]!);
    at = taken ? taken[1] : at + 1;
  }
  close();
  return found;
}

export function Markdown({ text }: { text: string }) {
  return <div class="markdown">{blocks(text.replace(/\r\n?/g, "\n").split("\n"))}</div>;
}
