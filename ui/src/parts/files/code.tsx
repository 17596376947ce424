/** Text with numbers of lines; strings, numbers, comments and words of common languages in colours. */
import type { VNode } from "preact";

const MOST_COLOURED = 150_000;
const WORDS =
  "False|None|True|and|as|async|await|break|case|class|const|continue|def|del|elif|else|except|export|finally|for|from|function|if|import|in|is|lambda|let|match|new|not|null|or|pass|raise|return|switch|true|false|try|while|with|yield";
const TOKEN = new RegExp(
  String.raw`("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|((?:^|(?<=\s))(?:#|//).*$)|(?<![\w.])(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w.])|\b(${WORDS})\b`,
  "gm",
);
const KINDS = ["", "t-text", "t-comment", "t-number", "t-word"];

function coloured(text: string): (string | VNode)[] {
  const found: (string | VNode)[] = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    const kind = KINDS[match.findIndex((group, index) => index > 0 && group !== undefined)];
    found.push(text.slice(at, match.index), <span class={kind}>{match[0]}</span>);
    at = match.index + match[0].length;
  }
  return [...found, text.slice(at)];
}

const diffKind = (line: string) =>
  /^(\+\+\+|---|diff |index )/.test(line) ? "d-head" : line.startsWith("@@") ? "d-place" : line.startsWith("+") ? "d-new" : line.startsWith("-") ? "d-old" : "";

const differing = (text: string) => text.split("\n").map((line) => <span class={diffKind(line)}>{`${line}\n`}</span>);

export type Language = "plain" | "code" | "diff";

export function Code({ text, language, name }: { text: string; language: Language; name: string }) {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  const isPlain = language === "plain" || text.length > MOST_COLOURED;
  return (
    <div class="code" tabIndex={0} role="region" aria-label={name}>
      <pre class="lines" aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => index + 1).join("\n")}
      </pre>
      <pre>{isPlain ? text : language === "diff" ? differing(text) : coloured(text)}</pre>
    </div>
  );
}
