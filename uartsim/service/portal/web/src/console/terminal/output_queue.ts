/**
 * Output on its way to xterm.js, in pieces that take it at most about `LONG_MS` to parse.
 *
 * xterm.js parses a piece at one go, however long. A piece is sized by the time that the last one took, so that neither a
 * megabyte nor output that is made to be slow (such as scrolling by every eight bytes) freezes the page.
 */

const SMALLEST_PIECE = 256;
const FIRST_PIECE = 16 * 1024;
const LARGEST_PIECE = 64 * 1024;
const SHORT_MS = 6;
const LONG_MS = 14;

/** The length of the next piece, in UTF-16 units, after one of `length` took `took_ms` to parse. */
export function nextPiece(length: number, took_ms: number): number {
  if (took_ms > LONG_MS) return Math.max(SMALLEST_PIECE, Math.floor((length * LONG_MS) / (2 * took_ms)));
  if (took_ms < SHORT_MS) return Math.min(LARGEST_PIECE, length * 2);
  return length;
}

interface Item {
  text: string;
  /** Called when `text` has been parsed. */
  readonly done: () => void;
}

/** Gives text to `write` piece by piece, one at a time, and does steps between them in order. */
export class OutputQueue {
  readonly #write: (text: string, parsed: () => void) => void;
  readonly #items: Item[] = [];
  #piece = FIRST_PIECE;
  #writing = false;
  #closed = false;

  constructor(write: (text: string, parsed: () => void) => void) {
    this.#write = write;
  }

  /** Adds text; resolves when it has been parsed, or the queue is closed. */
  push(text: string): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((done) => {
      this.#items.push({ text, done });
      this.#next();
    });
  }

  /** Does `step` when everything that was pushed before has been parsed. */
  step(step: () => void): void {
    if (this.#closed) return;
    this.#items.push({ text: "", done: step });
    this.#next();
  }

  /** Drops what is left. */
  close(): void {
    this.#closed = true;
    for (const item of this.#items.splice(0)) if (item.text !== "") item.done();
  }

  #next(): void {
    while (!this.#writing && this.#items.length > 0) {
      const { text, parsed } = this.#take();
      if (text === "") for (const done of parsed) done();
      else this.#give(text, parsed);
    }
  }

  #give(text: string, parsed: (() => void)[]): void {
    this.#writing = true;
    let begun_ms = performance.now();
    // xterm.js parses in a timer of its own, or at once after a key; this timer fires just before its own.
    const timer = setTimeout(() => (begun_ms = performance.now()));
    this.#write(text, () => {
      clearTimeout(timer);
      this.#writing = false;
      if (text.length >= this.#piece || performance.now() - begun_ms > LONG_MS) {
        this.#piece = nextPiece(text.length, performance.now() - begun_ms);
      }
      for (const done of parsed) done();
      this.#next();
    });
  }

  /** The next piece, made of as many items as fit, and what is to be called when it has been parsed. */
  #take(): { text: string; parsed: (() => void)[] } {
    let text = "";
    const parsed: (() => void)[] = [];
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      if (item.text === "" && text !== "") break;
      const room = this.#piece - text.length;
      if (item.text.length > room) {
        text += item.text.slice(0, room);
        item.text = item.text.slice(room);
        break;
      }
      text += item.text;
      parsed.push(item.done);
      this.#items.shift();
      if (item.text === "") break;
    }
    return { text, parsed };
  }
}
