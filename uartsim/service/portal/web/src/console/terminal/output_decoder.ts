/**
 * The guest's bytes as text for the terminal.
 *
 * The bytes are UTF-8. What is not, and the C1 control characters (U+0080 to U+009F, which a terminal would take for the
 * beginning of a control sequence, where an 8-bit character set was meant), are shown as U+FFFD; so are the characters that
 * change the direction of the text around them, by which a line could read otherwise than it is. No byte disappears, with one exception: what joins the cell before it
 * (combining marks, joiners, variation selectors, tags) is let through up to `MOST_JOINED` in a row, and the rest of the row is
 * shown as a single U+FFFD. Otherwise one cell would grow without end, and drawing it would take ever longer.
 */

/** The most characters in a row that join one cell: far more than any writing system puts on one letter. */
const MOST_JOINED = 16;

const SHOWN_AS_REPLACEMENT = /[\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Rows of what xterm.js puts into the cell before: marks, format characters, medial and final Hangul; it skips DEL among them. */
const JOINING = /[\p{M}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb\x7f]+/gu;

/** Decodes one stream of bytes, whose characters may be split over chunks. */
export class OutputDecoder {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** How many characters at the end of the text so far join one cell. */
  #joined = 0;

  decode(bytes: Uint8Array): string {
    return this.#bound(this.#decoder.decode(bytes, { stream: true }).replace(SHOWN_AS_REPLACEMENT, "\ufffd"));
  }

  /** Ends the stream, as a reset of the guest does: what is left of a character is shown as U+FFFD. */
  end(): string {
    this.#joined = 0;
    return this.#decoder.decode();
  }

  /** The text with its rows of joining characters bounded, also where they go on over several chunks. */
  #bound(text: string): string {
    if (text === "") return text;
    let joinedAtEnd = 0;
    const bounded = text.replace(JOINING, (row, start: number) => {
      const before = start === 0 ? this.#joined : 0;
      const joining = Array.from(row.replaceAll("\x7f", ""));
      const after = before + joining.length;
      if (start + row.length === text.length) joinedAtEnd = after;
      if (after <= MOST_JOINED) return row;
      const room = Math.max(MOST_JOINED - before, 0);
      return joining.slice(0, room).join("") + (before > MOST_JOINED ? "" : "\ufffd");
    });
    this.#joined = joinedAtEnd;
    return bounded;
  }
}
