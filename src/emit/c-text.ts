/** Numbers and lists of numbers as C text; big arrays are formatted here, not by templates. */
import type { Codes } from '../graph/integer.js';

const LINE_WIDTH = 118;

/** Values of an array initializer, wrapped and indented by two spaces. */
export function arrayLines(data: Codes): string {
  const lines: string[] = [];
  let line = ' ';
  for (let i = 0; i < data.length; i++) {
    const item = ` ${integerLiteral(data[i]!)},`;
    if (line.length + item.length > LINE_WIDTH) {
      lines.push(line);
      line = ' ';
    }
    line += item;
  }
  lines.push(line);
  return lines.join('\n');
}

/** INT32_MIN has no literal in C: −2147483648 is a negated number that does not fit. */
export function integerLiteral(value: number): string {
  return value === -2147483648 ? 'INT32_MIN' : String(value);
}

/** A float32 as the shortest C literal that reads back as the same float. */
export function floatLiteral(value: number): string {
  const single = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = single.toPrecision(digits);
    if (Math.fround(Number(text)) === single) {
      const short = String(Number(text));
      return /[.e]/.test(short) ? `${short}f` : `${short}.0f`;
    }
  }
  return `${single}f`;
}

/** `head(a, b, c)end`, the list below the head where the line gets long. */
export function wrapList(head: string, list: readonly string[], indent: string, end: string): string {
  const line = `${indent}${head}(${list.join(', ')})${end}`;
  if (line.length <= LINE_WIDTH) return line;
  const rows: string[] = [];
  let row = `${indent}    `;
  list.forEach((item, i) => {
    const text = i === list.length - 1 ? item : `${item}, `;
    if (row.length + text.length > LINE_WIDTH) {
      rows.push(row.trimEnd());
      row = `${indent}    `;
    }
    row += text;
  });
  return `${indent}${head}(\n${[...rows, row].join('\n')})${end}`;
}

/** 12,345: for people. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
