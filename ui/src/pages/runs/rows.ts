/**
 * The rows of a long table, of which only those in view are fetched: blocks of 100, kept until what is asked for changes. After a change in the
 * store the blocks in view are fetched again, and the old ones are shown until then. Children of runs that were opened stand below them.
 */
import { signal, type Signal } from "@preact/signals";
import { Failure } from "../../api";
import { also, loadRows, type Asked, type RunRow } from "./data";

const BLOCK = 100;
const MOST_CHILDREN = 500;

export interface Line {
  readonly row: RunRow;
  readonly depth: number;
}

export class Rows {
  readonly total = signal<number | undefined>(undefined);
  readonly failure: Signal<Failure | undefined> = signal(undefined);
  /** Goes up when there is something new to draw. */
  readonly version = signal(0);
  private blocks = new Map<number, RunRow[]>();
  private stale = new Set<number>();
  private under = new Set<number>();
  private opened = new Map<string, { at: number; children: RunRow[] }>();
  private key = "";
  private asked: Asked | undefined;
  private serial = 0;
  private view: readonly [number, number] = [0, 40];

  /** Say what is asked for; what is kept of something else is forgotten when the new answer is there. */
  ask(asked: Asked): void {
    const key = JSON.stringify(asked);
    if (key === this.key) return;
    this.key = key;
    this.asked = asked;
    this.serial += 1;
    this.under.clear();
    this.opened.clear();
    void this.fetch(0, true);
  }

  refresh(): void {
    for (const block of this.blocks.keys()) this.stale.add(block);
    this.look(...this.view);
    for (const id of this.opened.keys()) void this.loadChildren(id);
  }

  /** How many lines there are, opened children included. */
  get length(): number {
    let more = 0;
    for (const { children } of this.opened.values()) more += children.length;
    return (this.total.value ?? 0) + more;
  }

  /** The lines from one index to another are in view: fetch what is missing of them, and what is next to them. */
  look(first: number, last: number): void {
    this.view = [first, last];
    const total = this.total.peek() ?? 0;
    const from = Math.max(0, Math.floor((first - 60) / BLOCK));
    const to = Math.min(Math.floor((last + 60) / BLOCK), Math.floor(Math.max(0, total - 1) / BLOCK));
    for (let block = from; block <= to; block++) if (!this.blocks.has(block) || this.stale.has(block)) void this.fetch(block, false);
  }

  line(index: number): Line | undefined {
    let before = 0;
    for (const { at, children } of [...this.opened.values()].sort((one, other) => one.at - other.at)) {
      if (index <= at + before) break;
      if (index <= at + before + children.length) return { row: children[index - at - before - 1]!, depth: 1 };
      before += children.length;
    }
    const root = index - before;
    const row = this.blocks.get(Math.floor(root / BLOCK))?.[root % BLOCK];
    return row && { row, depth: 0 };
  }

  /** All rows that are here, in their order. */
  known(): RunRow[] {
    const roots = [...this.blocks.entries()].sort((one, other) => one[0] - other[0]).flatMap(([, rows]) => rows);
    return [...roots, ...[...this.opened.values()].flatMap(({ children }) => children)];
  }

  isOpen(id: string): boolean {
    return this.opened.has(id);
  }

  async toggle(id: string): Promise<void> {
    if (this.opened.delete(id)) this.version.value += 1;
    else await this.loadChildren(id);
  }

  private async loadChildren(id: string): Promise<void> {
    if (!this.asked) return;
    const at = this.indexOf(id);
    const asked = { ...this.asked, filter: `tags.\`mlflow.parentRunId\` = '${id}'` };
    try {
      const { rows } = await loadRows(asked, 0, MOST_CHILDREN);
      if (at >= 0) this.opened.set(id, { at, children: rows });
      this.version.value += 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  private indexOf(id: string): number {
    for (const [block, rows] of this.blocks) {
      const found = rows.findIndex((row) => row.id === id);
      if (found >= 0) return block * BLOCK + found;
    }
    return -1;
  }

  private async fetch(block: number, isNew: boolean): Promise<void> {
    if (this.under.has(block) || !this.asked) return;
    this.under.add(block);
    const serial = this.serial;
    try {
      const { total, rows } = await loadRows(this.asked, block * BLOCK, BLOCK);
      if (serial !== this.serial) return;
      if (isNew) this.blocks = new Map();
      this.blocks.set(block, rows);
      this.stale.delete(block);
      this.total.value = total;
      this.failure.value = undefined;
      this.version.value += 1;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (serial === this.serial && error.code !== "LOST") this.failure.value = error;
    } finally {
      if (serial === this.serial) this.under.delete(block);
    }
  }
}

/** Roots only, for the tree. */
export const rootsOnly = (filter: string): string => also(filter, "tags.`mlflow.parentRunId` IS NULL");
