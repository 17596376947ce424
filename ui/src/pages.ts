/** The table of pages: which path shows which page. A page is loaded when it is first shown; each has a folder of its own. */
import type { ComponentType } from "preact";

/** What a page is given: the parts of the path that its pattern names. */
export type Names = Readonly<Record<string, string>>;
export type Page = ComponentType<{ names: Names }>;

export interface PageRow {
  /** Parts of the path; `:name` stands for any. The first row that fits counts. */
  readonly pattern: string;
  readonly load: () => Promise<{ default: Page }>;
  /** Which entry of the navigation is the current one. */
  readonly nav: "experiments" | "models";
}

// prettier-ignore
export const PAGES: readonly PageRow[] = [
  { pattern: "", nav: "experiments", load: () => import("./pages/experiments/page") },
  { pattern: "experiments", nav: "experiments", load: () => import("./pages/experiments/page") },
  { pattern: "experiments/:ids", nav: "experiments", load: () => import("./pages/runs/page") },
  { pattern: "experiments/:ids/runs/:run", nav: "experiments", load: () => import("./pages/run/page") },
  { pattern: "models", nav: "models", load: () => import("./pages/models/page") },
  { pattern: "models/:name", nav: "models", load: () => import("./pages/models/model") },
  { pattern: "models/:name/versions/:version", nav: "models", load: () => import("./pages/models/version") },
  { pattern: "experiments/:ids/models/:model", nav: "models", load: () => import("./pages/models/logged") },
];

export function find(path: readonly string[]): { row: PageRow; names: Names } | undefined {
  for (const row of PAGES) {
    const names = fit(row.pattern.split("/").filter(Boolean), path);
    if (names) return { row, names };
  }
  return undefined;
}

function fit(pattern: readonly string[], path: readonly string[]): Names | undefined {
  if (pattern.length !== path.length) return undefined;
  const names: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const given = path[index]!;
    if (part.startsWith(":")) names[part.slice(1)] = given;
    else if (part !== given) return undefined;
  }
  return names;
}
