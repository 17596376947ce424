/**
 * Where the page is: a path and a query behind the `#` of the address, as MLflow's pages have it, so that links
 * which MLflow's clients print lead to the same place here. All state of a page is in its query.
 */
import { computed, signal } from "@preact/signals";

export interface Place {
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

function parse(hash: string): Place {
  const text = hash.replace(/^#\/?/, "");
  const cut = text.indexOf("?");
  const path = cut < 0 ? text : text.slice(0, cut);
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: new URLSearchParams(cut < 0 ? "" : text.slice(cut + 1)),
  };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const current = signal<Place>(parse(location.hash));
addEventListener("hashchange", () => (current.value = parse(location.hash)));

export const place = computed(() => current.value);

/** An address within the application. Values that are empty are left out of the query. */
export function to(path: readonly string[], query: Record<string, string | undefined> | URLSearchParams = {}): string {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const text = new URLSearchParams(pairs.filter((pair): pair is [string, string] => Boolean(pair[1]))).toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

export function go(address: string): void {
  location.hash = address;
}

/** Change some of the query's values ("" or undefined removes one). `replace` leaves no entry in the browser's history. */
export function setQuery(changes: Record<string, string | undefined>, { replace = false } = {}): void {
  const query = new URLSearchParams(current.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const address = to(current.value.path, query);
  if (address === location.hash) return;
  if (replace) {
    history.replaceState(null, "", address);
    current.value = parse(address);
  } else {
    go(address);
  }
}

export function query(name: string): string {
  return current.value.query.get(name) ?? "";
}
