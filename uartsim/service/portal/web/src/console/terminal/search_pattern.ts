/** Finding text in lines of the scroll-back. */

import type { IBuffer } from "@xterm/xterm";
import { literalPattern } from "../../ui/literal_pattern";
import type { SearchQuery } from "./terminal";

/** The most matches of one whole line that are looked at. */
const LINE_LIMIT = 1000;

/** The query as a regular expression, or a sentence that says what is wrong with it. */
export function searchPattern({ text, matchCase, regex }: SearchQuery): RegExp | string {
  const flags = matchCase === true ? "gu" : "giu";
  if (regex !== true) return new RegExp(literalPattern(text), flags);
  if (repeatsRepeats(text)) {
    return "This regular expression repeats a group that has a repetition inside, such as (a+)+: that can take for ever. Write it with one of the two.";
  }
  try {
    return new RegExp(text, flags);
  } catch {
    // The flag "u" forbids what people are used to write, such as an escaped hyphen.
    return lenientPattern(text, flags.replace("u", ""));
  }
}

/** Whether a group with an open repetition inside is repeated itself, by which the time of a search can double with each character. */
function repeatsRepeats(pattern: string): boolean {
  const plain = pattern.replace(/\\./gs, "x").replace(/\[[^\]]*\]/g, "x");
  const groups = [false];
  for (let index = 0; index < plain.length; index++) {
    const repeats = /^(?:[*+]|\{\d+,\d*\})/.test(plain.slice(index + 1, index + 12));
    if (plain[index] === "(") groups.push(false);
    const inside = plain[index] === ")" && groups.length > 1 && groups.pop() === true;
    if (inside && repeats) return true;
    if (inside || repeats) groups[groups.length - 1] = true;
  }
  return false;
}

function lenientPattern(text: string, flags: string): RegExp | string {
  try {
    return new RegExp(text, flags);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, "") : String(error);
    return `This is not a regular expression: ${reason}. Correct it, or search for it as plain text.`;
  }
}

/** Where a pattern with the flag "g" matches in a line; a match of no characters is none. */
export function matchesIn(text: string, pattern: RegExp): { offset: number; length: number }[] {
  const found: { offset: number; length: number }[] = [];
  for (const match of text.matchAll(pattern)) {
    if (match[0].length > 0) found.push({ offset: match.index, length: match[0].length });
    if (found.length === LINE_LIMIT) break;
  }
  return found;
}

/** The number of cells, from the first of a whole line, before a place in its text: wide characters take two. */
export function cellOfOffset(buffer: IBuffer, row: number, offset: number): number {
  let left = offset;
  let cells = 0;
  for (let line = buffer.getLine(row); line !== undefined && left > 0; line = buffer.getLine(++row)) {
    for (let x = 0; x < line.length && left > 0; x++) {
      const cell = line.getCell(x);
      if (cell !== undefined && cell.getWidth() > 0) left -= cell.getChars().length || 1;
      cells += 1;
    }
    if (buffer.getLine(row + 1)?.isWrapped !== true) break;
  }
  return cells;
}
