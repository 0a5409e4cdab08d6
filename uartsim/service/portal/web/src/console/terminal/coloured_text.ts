/** The scroll-back with its colours and attributes, as text with ANSI sequences, without keeping the page busy. */
import { SerializeAddon } from "@xterm/addon-serialize";
import type { Terminal } from "@xterm/xterm";
import { eachWholeLine } from "./scrollback_text";

/** How many rows are serialized at one go, at least: about 10 ms. */
const SLICE_ROWS = 200;
const PLAIN = "\x1b[0m\r\n";

/** All of a terminal's main buffer, for `less -R` or a terminal; wrapped lines whole. */
export async function colouredText(terminal: Terminal): Promise<string> {
  const addon = new SerializeAddon();
  terminal.loadAddon(addon);
  const parts: string[] = [];
  let rows = 0;
  const take = (end: number): void => {
    if (rows === 0) return;
    const range = { start: end - rows, end: end - 1 };
    parts.push(addon.serialize({ range, excludeModes: true, excludeAltBuffer: true }), PLAIN);
    rows = 0;
  };
  let last = 0;
  try {
    await eachWholeLine(terminal, (line) => {
      // Rows have moved since: what was gathered ends above this line.
      if (rows >= SLICE_ROWS || line.row < last) take(line.row);
      rows = Math.min(rows + line.rows, line.row + line.rows);
      last = line.row + line.rows;
      return true;
    });
    take(last);
  } finally {
    addon.dispose();
  }
  return parts.join("").replace(/(?:\r\n|\x1b\[0m)*$/, "\x1b[0m\r\n");
}
