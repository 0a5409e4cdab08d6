/**
 * Lines that are not the guest's, among its output.
 *
 * A note is told apart by a bar in the margin on the left, where no cell is: nothing that a guest writes can get there. The
 * bar is there only as long as the note's own text is beside it; when the guest writes over it, the bar goes.
 */

import type { IDecoration, IMarker, Terminal } from "@xterm/xterm";

interface Shown {
  readonly marker: IMarker;
  readonly decoration: IDecoration;
  readonly rows: readonly string[];
  /** Its text stood at a check when all of it had left the screen: the guest cannot write over it any more. */
  isOut: boolean;
}

/** Control characters made visible: C0 as their pictures, U+2400 and above, others as U+FFFD. */
export function visibleControls(text: string): string {
  return (
    text
      .replace(/[\x00-\x1f]/g, (character) => String.fromCodePoint(0x2400 + character.charCodeAt(0)))
      .replaceAll("\x7f", "\u2421")
      .replace(/[\u0080-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, "\ufffd")
  );
}

/** The text in rows of at most `columns` characters, broken at blanks where there are some. */
export function noteRows(text: string, columns: number): string[] {
  const rows: string[] = [];
  let rest = visibleControls(text);
  while (rest.length > columns) {
    const blank = rest.lastIndexOf(" ", columns);
    const cut = blank > 0 ? blank : columns;
    rows.push(rest.slice(0, cut));
    rest = rest.slice(cut).trimStart();
  }
  return [...rows, rest];
}

/** The notes in one terminal. */
export class Notes {
  readonly #terminal: Terminal;
  readonly #write: (text: string, then: () => void) => void;
  #shown: Shown[] = [];
  #waiting: string[] = [];

  /** @param write Writes text, now, and calls `then` when it has been parsed. */
  constructor(terminal: Terminal, write: (text: string, then: () => void) => void) {
    this.#terminal = terminal;
    this.#write = write;
    terminal.onWriteParsed(() => this.#check());
    // A taller screen takes lines back from the scroll-back, where the guest can write over them again.
    terminal.onResize(() => this.#check());
    terminal.buffer.onBufferChange((buffer) => {
      if (buffer.type === "normal") for (const text of this.#waiting.splice(0)) this.add(text);
    });
  }

  /** Shows a note at the cursor; while the alternate screen is shown, which an editor has drawn, when it is left. */
  add(text: string): void {
    const { active } = this.#terminal.buffer;
    if (active.type === "alternate") {
      this.#waiting.push(text);
      return;
    }
    const rows = noteRows(text, this.#terminal.cols - 1);
    const partial = active.cursorX > 0 ? "\r\n" : "";
    const down = rows.length + (partial === "" ? 0 : 1);
    // CAN ends an unfinished sequence; the attributes and character sets are the guest's again after ESC 8, which also goes
    // back to the guest's row: from there it is `down` rows to the one below the note, or fewer if the screen has scrolled.
    const begin = `\x18\x1b7${partial}\x1b[m\x0f\x1b(B`;
    this.#write(`${begin}${rows.join("\r\n")}\r\n\x1b8\x1b[${down}B\r`, () => this.#mark(rows));
  }

  #mark(rows: readonly string[]): void {
    const marker = this.#terminal.registerMarker(-rows.length);
    const decoration = this.#terminal.registerDecoration({ marker, x: 0, width: this.#terminal.cols, height: rows.length });
    if (decoration === undefined) return;
    decoration.onRender((element) => element.classList.add("terminal-note"));
    this.#shown.push({ marker, decoration, rows, isOut: false });
  }

  #check(): void {
    const { normal } = this.#terminal.buffer;
    this.#shown = this.#shown.filter((shown) => {
      const { marker, decoration, rows } = shown;
      if (marker.isDisposed) return false;
      const isOut = marker.line + rows.length <= normal.baseY;
      // One piece of output may write over a note and scroll it out: so the text is compared once more when it is out.
      const stands = rows.every((row, index) => normal.getLine(marker.line + index)?.translateToString(true) === row.trimEnd());
      if (stands || (isOut && shown.isOut)) {
        shown.isOut = isOut;
        return true;
      }
      decoration.dispose();
      marker.dispose();
      return false;
    });
  }
}
