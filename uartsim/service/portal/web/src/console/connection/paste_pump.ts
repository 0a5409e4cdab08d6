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
  /** The index in the text of what is sent next. */
  private next = 0;
  private readonly bytes: number;
  private sent = 0;
  private taken = 0;

  /**
   * @param text what is pasted.
   * @param typedBefore how many bytes this WebSocket has sent as typed text before.
   * @param send sends a piece as typed text; false if that is not possible any more.
   */
  constructor(
    private text: string,
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
      if (!this.send(this.text.slice(this.next, piece.end))) return false;
      this.sent += piece.bytes;
      this.next = piece.end;
    }
    return true;
  }

  /** Sends nothing more; returns how many bytes of it were not sent. */
  cancel(): number {
    this.text = "";
    return this.bytes - this.sent;
  }
}

/** How long the line takes for so many bytes, in seconds. */
export function lineSeconds(bytes: number, baud: number): number {
  return (bytes * FRAME_BITS) / baud;
}

/** How many bytes a text is on the line. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (let index = 0; index < text.length; ) {
    const codePoint = text.codePointAt(index) ?? 0;
    bytes += utf8Size(codePoint);
    index += codePoint > 0xffff ? 2 : 1;
  }
  return bytes;
}

/** Bytes of a code point in UTF-8; half of a surrogate pair is sent as U+FFFD, which has three. */
function utf8Size(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** The piece of whole characters that begins at `start`: the index of its end, and its bytes. */
function pieceAt(text: string, start: number): { end: number; bytes: number } {
  let end = start;
  let bytes = 0;
  while (end < text.length) {
    const codePoint = text.codePointAt(end) ?? 0;
    const size = utf8Size(codePoint);
    if (bytes + size > LONGEST_PIECE) break;
    bytes += size;
    end += codePoint > 0xffff ? 2 : 1;
  }
  return { end, bytes };
}
