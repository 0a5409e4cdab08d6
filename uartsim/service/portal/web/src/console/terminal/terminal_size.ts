/**
 * The size of the terminal: that of its element, or a chosen one.
 *
 * A chosen size is kept as columns and rows at the chosen text size, and the element scrolls when the window is smaller: to
 * scale the text down instead would make it unreadable on just those screens, and guests are not told of either.
 *
 * As large as the element means at least 80 columns and 24 rows: boot loaders draw for these, and cannot be told of fewer. In a
 * smaller element the text shrinks as far as it stays readable, unless the user has chosen a larger one than usual; where that
 * is not enough, the element scrolls.
 */

import { FitAddon } from "@xterm/addon-fit";
import type { Terminal } from "@xterm/xterm";
import { PIXELS_A_POINT, TEXT_POINTS, type TerminalSize } from "./terminal";

/** How long the element must have kept its size, in milliseconds: a window that is being dragged has many. */
const SETTLED_MS = 60;

/** The least and the most columns and rows of a chosen size. */
const LEAST = 2;
const MOST = 1000;

/** What guests draw for: the least columns and rows of a terminal that is as large as its element. */
const DRAWN_FOR = { cols: 80, rows: 24 } as const;

/** The least height of text that is shrunk, in CSS pixels. */
const READABLE_PX = 11;

/** The usual height of text, in CSS pixels: what was chosen above it is not shrunk. */
const USUAL_PX = Math.round(TEXT_POINTS.usual * PIXELS_A_POINT);

/** Keeps a terminal's size as chosen. */
export class SizeKeeper {
  readonly #terminal: Terminal;
  readonly #frame: HTMLElement;
  readonly #fit = new FitAddon();
  readonly #observer: ResizeObserver;
  #size: TerminalSize = "window";
  #text_px = USUAL_PX;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(terminal: Terminal, frame: HTMLElement) {
    this.#terminal = terminal;
    this.#frame = frame;
    terminal.loadAddon(this.#fit);
    this.#observer = new ResizeObserver(() => this.#settle());
    this.#observer.observe(frame);
    terminal.onCursorMove(() => this.#showCursor());
  }

  /** The text's height that the user has chosen, in whole CSS pixels: the WebGL renderer rounds the width of a character down. */
  setTextHeight(text_px: number): void {
    this.#text_px = text_px;
    this.apply();
  }

  /** @throws RangeError if a chosen size is not of 2 to 1000 columns and rows. */
  choose(size: TerminalSize): void {
    if (size !== "window") {
      for (const count of [size.columns, size.rows]) {
        if (!Number.isInteger(count) || count < LEAST || count > MOST) {
          throw new RangeError(`A terminal has ${LEAST} to ${MOST} columns and rows, not ${count}.`);
        }
      }
    }
    this.#size = size;
    this.apply();
  }

  /** Gives the terminal its size. */
  apply(): void {
    if (this.#size !== "window") {
      this.#terminal.options.fontSize = this.#text_px;
      this.#frame.classList.add("terminal-scrolls");
      this.#terminal.resize(this.#size.columns, this.#size.rows);
    } else if (this.#frame.clientWidth > 0 && this.#frame.clientHeight > 0) {
      this.#fill();
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
  }

  #fill(): void {
    // Measured without the scroll bars that the last size may have needed.
    this.#frame.classList.remove("terminal-scrolls");
    const { cols, rows } = this.#room();
    this.#frame.classList.toggle("terminal-scrolls", cols < DRAWN_FOR.cols || rows < DRAWN_FOR.rows);
    this.#terminal.resize(Math.max(cols, DRAWN_FOR.cols), Math.max(rows, DRAWN_FOR.rows));
    this.#showCursor();
  }

  /** How many columns and rows there is room for, with the text shrunk as far as that helps. */
  #room(): { cols: number; rows: number } {
    const least_px = this.#text_px > USUAL_PX ? this.#text_px : Math.min(this.#text_px, READABLE_PX);
    for (let text_px = this.#text_px; ; text_px -= 1) {
      this.#terminal.options.fontSize = text_px;
      const { cols, rows } = this.#fit.proposeDimensions() ?? DRAWN_FOR;
      if (text_px <= least_px || (cols >= DRAWN_FOR.cols && rows >= DRAWN_FOR.rows)) return { cols, rows };
    }
  }

  /** Scrolls an element that is lower than the terminal to the row of the cursor. */
  #showCursor(): void {
    const screen = this.#terminal.element;
    if (screen === undefined || !this.#frame.classList.contains("terminal-scrolls")) return;
    const row_px = screen.offsetHeight / this.#terminal.rows;
    const top_px = row_px * this.#terminal.buffer.active.cursorY;
    const { scrollTop, clientHeight } = this.#frame;
    if (top_px < scrollTop) this.#frame.scrollTop = top_px;
    else if (top_px + 2 * row_px > scrollTop + clientHeight) this.#frame.scrollTop = top_px + 2 * row_px - clientHeight;
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.apply(), SETTLED_MS);
  }
}
