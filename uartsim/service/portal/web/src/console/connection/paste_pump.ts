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
  private readonly pieces: { readonly text: string; readonly bytes: number }[];
  private readonly bytes: number;
  private sent = 0;
  private taken = 0;

  /**
   * @param text what is pasted.
   * @param typedBefore how many bytes this WebSocket has sent as typed text before.
   * @param send sends a piece as typed text; false if that is not possible any more.
   */
  constructor(
    text: string,
    private readonly typedBefore: number,
    private readonly send: (piece: string) => boolean,
  ) {
    this.pieces = cut(text);
    this.bytes = this.pieces.reduce((sum, piece) => sum + piece.bytes, 0);
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
    for (let piece = this.pieces[0]; piece !== undefined; piece = this.pieces[0]) {
      if (this.sent - this.taken + piece.bytes > MOST_ON_THE_WAY) break;
      if (!this.send(piece.text)) return false;
      this.sent += piece.bytes;
      this.pieces.shift();
    }
    return true;
  }

  /** Sends nothing more; returns how many bytes of it were not sent. */
  cancel(): number {
    this.pieces.length = 0;
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

/** Pieces of whole characters. */
function cut(text: string): { text: string; bytes: number }[] {
  const pieces: { text: string; bytes: number }[] = [];
  let piece = "";
  let bytes = 0;
  for (const character of text) {
    const size = utf8Length(character);
    if (bytes + size > LONGEST_PIECE) {
      pieces.push({ text: piece, bytes });
      piece = "";
      bytes = 0;
    }
    piece += character;
    bytes += size;
  }
  if (bytes > 0) pieces.push({ text: piece, bytes });
  return pieces;
}
