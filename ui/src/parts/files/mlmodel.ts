/** What an MLmodel file says, as far as it is shown: its flavors, and the signature's columns, which are JSON in text. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly more: string;
}

export interface ModelFile {
  readonly flavors: readonly string[];
  readonly facts: readonly (readonly [string, string])[];
  readonly signature: readonly (readonly [string, readonly Column[]])[];
}

const FACTS = ["model_id", "run_id", "utc_time_created", "mlflow_version", "model_size_bytes"];

function unquoted(text: string): string {
  if (text.startsWith("'")) return text.slice(1, -1).replaceAll("''", "'");
  if (!text.startsWith('"')) return text;
  try {
    return JSON.parse(text) as string;
  } catch {
    return text.slice(1, -1);
  }
}

/** Keys of a block at a depth, with what follows them; a value may go on over deeper lines. */
function keys(lines: readonly string[], depth: number): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let last: string[] | undefined;
  for (const line of lines) {
    const indent = line.search(/\S/);
    const match = indent === depth ? /^\s*([^\s:#][^:]*):(?:\s+(.*))?$/.exec(line) : null;
    if (match) found.set(match[1]!, (last = match[2] ? [match[2]] : []));
    else if (indent > depth) last?.push(line);
  }
  return found;
}

const scalar = (lines: readonly string[] | undefined) => unquoted((lines ?? []).map((line) => line.trim()).join(" "));

function kind(field: Record<string, unknown>): string {
  const tensor = field["tensor-spec"] as { dtype?: string; shape?: number[] } | undefined;
  if (tensor) return `${tensor.dtype} (${(tensor.shape ?? []).join(", ")})`;
  const items = field.items as Record<string, unknown> | undefined;
  if (field.type === "array" && items) return `array of ${kind(items)}`;
  const properties = field.properties as Record<string, Record<string, unknown>> | undefined;
  if (properties) return `{ ${Object.entries(properties).map(([name, inner]) => `${name}: ${kind(inner)}`).join(", ")} }`;
  return String(field.type ?? "");
}

function columns(text: string): Column[] | undefined {
  try {
    const found = JSON.parse(text) as unknown;
    if (!Array.isArray(found)) return undefined;
    return found.map((field: Record<string, unknown>) => ({
      name: String(field.name ?? ""),
      type: kind(field),
      more: field.required === false ? "optional" : "default" in field ? `default ${JSON.stringify(field.default)}` : "",
    }));
  } catch {
    return undefined;
  }
}

export function read(text: string): ModelFile {
  const top = keys(text.split(/\r?\n/), 0);
  const signature = keys(top.get("signature") ?? [], 2);
  const parts = ["inputs", "outputs", "params"].map((part) => [part, columns(scalar(signature.get(part)))] as const);
  return {
    flavors: [...keys(top.get("flavors") ?? [], 2).keys()],
    facts: FACTS.filter((name) => top.has(name)).map((name) => [name, scalar(top.get(name))] as const),
    signature: parts.filter((part): part is readonly [string, Column[]] => part[1] !== undefined),
  };
}
