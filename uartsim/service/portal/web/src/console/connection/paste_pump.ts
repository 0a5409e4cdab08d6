/**
 * A long paste, at the speed of the line: the next piece is sent when the line has taken enough of those before, so that at
 * most 4 KB are on their way.  A paste that is cancelled stops within that.
 */

/** The most that is sent before the line has taken it, in bytes. */
const MOST_ON_THE_WAY = 4096;
/** The longest piece, in bytes: small enough for a smooth progress at 9600 baud. */
const LONGEST_PIECE = 1024;
/** Bits of a character on the line: a start bit, eight bits, a stop bit. */
const FRAME_BITS = 10;

export interface PasteProgress {
  readonly bytes: number;
  /** How many bytes the line has taken. */
  readonly taken: number;
}

export class PastePump {
  private readonly bytes: number;
  /** Where the next piece begins in the text, in UTF-16 units. */
  private next = 0;
  private sent = 0;
  private taken = 0;

  /**
   * @param text what is pasted.
   * @param typedBefore how many bytes this WebSocket has sent as typed text before.
   * @param send sends a piece as typed text; false if that is not possible any more.
   */
  constructor(
    private readonly text: string,
    private readonly typedBefore: number,
    private readonly send: (piece: string) => boolean,
  ) {
    this.bytes = utf8Length(text);
  }

  get progress(): PasteProgress {
    return { bytes: this.bytes, taken: this.taken };
  }

  /** The line has taken all of it. */
  get isDone(): boolean {
    return this.taken === this.bytes;
  }

  /**
   * Sends what may be sent now.
   *
   * @param typed how many bytes of typed text the line has taken in all, as the gateway says.
   * @returns whether it can go on; false: the connection is gone.
   */
  pump(typed: number): boolean {
    this.taken = Math.min(Math.max(typed - this.typedBefore, this.taken), this.sent);
    while (this.next < this.text.length) {
      const piece = pieceAt(this.text, this.next);
      if (this.sent - this.taken + piece.bytes > MOST_ON_THE_WAY) break;
      if (!this.send(piece.text)) return false;
      this.sent += piece.bytes;
      this.next += piece.text.length;
    }
    return true;
  }

  /** Sends nothing more; returns how many bytes of it were not sent. */
  cancel(): number {
    this.next = this.text.length;
    return this.bytes - this.sent;
  }
}

/** How long the line takes for so many bytes, in seconds. */
export function lineSeconds(bytes: number, baud: number): number {
  return (bytes * FRAME_BITS) / baud;
}

/** How many bytes a text is on the line. */
export function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The piece of whole characters that begins at a place of a text. */
function pieceAt(text: string, from: number): { text: string; bytes: number } {
  let bytes = 0;
  let to = from;
  while (to < text.length) {
    const code = text.codePointAt(to) ?? 0;
    const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (bytes + size > LONGEST_PIECE) break;
    bytes += size;
    to += code < 0x10000 ? 1 : 2;
  }
  return { text: text.slice(from, to), bytes };
}
