/** Rows of a CSV or TSV file: quotes may hold separators, line ends and doubled quotes. */
export function rows(text: string, separator: string, most: number): string[][] {
  const found: string[][] = [];
  let row: string[] = [];
  let field = "";
  let isQuoted = false;
  const end = () => {
    row.push(field);
    field = "";
  };
  for (let at = 0; at < text.length && found.length < most; at++) {
    const letter = text[at]!;
    if (isQuoted) {
      if (letter !== '"') field += letter;
      else if (text[at + 1] === '"') field += text[++at];
      else isQuoted = false;
    } else if (letter === '"' && field === "") isQuoted = true;
    else if (letter === separator) end();
    else if (letter === "\n") {
      end();
      found.push(row);
      row = [];
    } else if (letter !== "\r") field += letter;
  }
  if (found.length < most && (field || row.length)) found.push([...row, field]);
  return found;
}
