/** The text of the scroll-back, whole line by whole line, without keeping the page busy. */

import type { IBuffer, Terminal } from "@xterm/xterm";
import { pageTurn } from "./page_turn";

/** How long to work before the page gets its turn, in milliseconds. */
const TURN_MS = 10;

/** The most rows that are read at one go; a longer line comes in parts. */
const MOST_ROWS = 500;

/** A line of text, or a part of one, that is wrapped over some rows of the terminal. */
interface WholeLine {
  readonly text: string;
  /** The first row, from 0 at the top of the scroll-back. */
  readonly row: number;
  readonly rows: number;
  /** Whether the line ends here; otherwise another part follows. */
  readonly ends: boolean;
}

/** The line that begins at a row. */
export function wholeLine(buffer: IBuffer, row: number): WholeLine {
  let text = "";
  for (let rows = 1; ; rows++) {
    const wraps = buffer.getLine(row + rows)?.isWrapped === true;
    text += buffer.getLine(row + rows - 1)?.translateToString(!wraps) ?? "";
    if (!wraps || rows === MOST_ROWS) return { text, row, rows, ends: !wraps };
  }
}

/** What of a terminal is read. */
type Readable = Pick<Terminal, "buffer" | "registerMarker">;

/**
 * Goes through the whole lines of a terminal's main buffer from the top, with turns of the page in between. Output that
 * comes meanwhile moves the rows up; no line is given twice for that.
 *
 * @param each Called for each line; false ends it.
 */
export async function eachWholeLine(terminal: Readable, each: (line: WholeLine) => boolean): Promise<void> {
  const buffer = terminal.buffer.normal;
  let begun_ms = performance.now();
  for (let row = 0; row < buffer.length; ) {
    const line = wholeLine(buffer, row);
    if (!each(line)) return;
    row += line.rows;
    if (performance.now() - begun_ms > TURN_MS) {
      row = await rowAfterTurn(terminal, row);
      begun_ms = performance.now();
    }
  }
}

/** Gives the page its turn, and says where the row is then; 0 if it has left the scroll-back. */
async function rowAfterTurn(terminal: Readable, row: number): Promise<number> {
  const { active } = terminal.buffer;
  // A marker belongs to the active buffer; the main buffer stands still while it is not that.
  const marker = active.type === "normal" ? terminal.registerMarker(row - active.baseY - active.cursorY) : undefined;
  await pageTurn();
  if (marker === undefined) return row;
  const moved = marker.isDisposed ? 0 : marker.line;
  marker.dispose();
  return moved;
}

/** All text of a terminal's main buffer, each line ended by LF, without the empty lines at the end. */
export async function scrollbackText(terminal: Readable): Promise<string> {
  const parts: string[] = [];
  let newlines = 0;
  await eachWholeLine(terminal, ({ text, ends }) => {
    if (text !== "") parts.push("\n".repeat(newlines), text);
    if (text !== "") newlines = 0;
    if (ends) newlines += 1;
    return true;
  });
  return parts.length === 0 ? "" : parts.join("") + "\n";
}
