/**
 * The size of the terminal: that of its element, or a chosen one.
 *
 * A chosen size is kept as columns and rows at the chosen text size, and the element scrolls when the window is smaller: to
 * scale the text down instead would make it unreadable on just those screens, and guests are not told of either.
 */

import { FitAddon } from "@xterm/addon-fit";
import type { Terminal } from "@xterm/xterm";
import type { TerminalSize } from "./terminal";

/** How long the element must have kept its size, in milliseconds: a window that is being dragged has many. */
const SETTLED_MS = 60;

/** The least and the most columns and rows of a chosen size. */
const LEAST = 2;
const MOST = 1000;

/** Keeps a terminal's size as chosen. */
export class SizeKeeper {
  readonly #terminal: Terminal;
  readonly #frame: HTMLElement;
  readonly #fit = new FitAddon();
  readonly #observer: ResizeObserver;
  #size: TerminalSize = "window";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(terminal: Terminal, frame: HTMLElement) {
    this.#terminal = terminal;
    this.#frame = frame;
    terminal.loadAddon(this.#fit);
    this.#observer = new ResizeObserver(() => this.#settle());
    this.#observer.observe(frame);
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
    this.#frame.classList.toggle("terminal-chosen-size", size !== "window");
    this.apply();
  }

  /** Gives the terminal its size, as after a change of the text size. */
  apply(): void {
    if (this.#size !== "window") this.#terminal.resize(this.#size.columns, this.#size.rows);
    else if (this.#frame.clientWidth > 0 && this.#frame.clientHeight > 0) this.#fit.fit();
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#observer.disconnect();
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.apply(), SETTLED_MS);
  }
}
