/** What this browser keeps between visits: chosen columns, colours, layouts. It may be forbidden, or full: then nothing is kept. */
const PREFIX = "mlctl.";

export function remembered<T>(name: string, otherwise: T): T {
  try {
    const found = localStorage.getItem(PREFIX + name);
    return found === null ? otherwise : (JSON.parse(found) as T);
  } catch {
    return otherwise;
  }
}

export function remember(name: string, value: unknown): void {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // nothing is kept
  }
}
