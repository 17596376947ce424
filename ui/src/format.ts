/** How values are written. */
const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "narrow" });

/** A number in at most seven significant digits; NaN and infinities by name, which JSON has as text. */
export function number(value: unknown): string {
  if (value === null || value === undefined || value === "") return "";
  const found = typeof value === "number" ? value : Number(value);
  if (Number.isNaN(found)) return "NaN";
  if (!Number.isFinite(found)) return found > 0 ? "∞" : "−∞";
  if (Number.isInteger(found) && Math.abs(found) < 1e9) return String(found);
  const size = Math.abs(found);
  if (size >= 1e7 || size < 1e-4) return found.toExponential(3).replace("e+", "e");
  return String(Number(found.toPrecision(size >= 1 ? 6 : 5)));
}

export const count = (value: number): string => value.toLocaleString("en");

export const plural = (value: number, noun: string): string => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

export const date = (ms: number | null | undefined): string => (ms ? DATE.format(ms) : "");

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31536e6],
  ["month", 2592e6],
  ["day", 864e5],
  ["hour", 36e5],
  ["minute", 6e4],
];

export function ago(ms: number | null | undefined, now = Date.now()): string {
  if (!ms) return "";
  const gone = ms - now;
  for (const [unit, size] of UNITS) if (Math.abs(gone) >= size) return RELATIVE.format(Math.trunc(gone / size), unit);
  return "just now";
}

export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function bytes(size: number | undefined): string {
  if (size === undefined) return "";
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB", "TB"];
  let value = size;
  let unit = "";
  for (unit of units) {
    value /= 1000;
    if (value < 1000) break;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`;
}
