/** The selected text, without what the guest has hidden. */

import type { IBuffer, IBufferRange, Terminal } from "@xterm/xterm";

/** What of xterm.js is read. */
type Selecting = Pick<Terminal, "getSelection" | "getSelectionPosition"> & { readonly buffer: { readonly active: IBuffer } };

/**
 * The selection of a terminal: wrapped lines whole, no blanks at the end of lines, no text with the attribute "invisible"
 * (SGR 8), by which a page of output could put a command into the clipboard that nobody saw.
 */
export function visibleSelection(terminal: Selecting): string {
  const range = terminal.getSelectionPosition();
  if (range === undefined) return "";
  const shown = withoutHidden(terminal.buffer.active, range);
  return shown ?? terminal.getSelection();
}

/** The text of the range without its hidden cells, or null if none is hidden. */
function withoutHidden(buffer: IBuffer, range: IBufferRange): string | null {
  let hidden = false;
  let text = "";
  for (let y = range.start.y; y <= range.end.y; y++) {
    const line = buffer.getLine(y);
    if (line === undefined) break;
    const first = y === range.start.y ? range.start.x : 0;
    const last = y === range.end.y ? range.end.x : line.length;
    let row = "";
    for (let x = first; x < last; x++) {
      const cell = line.getCell(x);
      if (cell === undefined || cell.getWidth() === 0) continue;
      if (cell.isInvisible()) hidden = true;
      else row += cell.getChars() || " ";
    }
    const wraps = buffer.getLine(y + 1)?.isWrapped === true;
    text += wraps ? row : row.trimEnd();
    if (y < range.end.y && !wraps) text += "\n";
  }
  return hidden ? text : null;
}
