/**
 * The guest's bytes as text for the terminal.
 *
 * The bytes are UTF-8. What is not, and the C1 control characters (U+0080 to U+009F, which a terminal would take for the
 * beginning of a control sequence, where an 8-bit character set was meant), are shown as U+FFFD; so are the characters that
 * change the direction of the text around them, by which a line could read otherwise than it is.
 *
 * Combining marks join the character before them in its cell, which a guest could make grow without end: a cell of 20,000 marks
 * stops the page for 16 s. So of the marks that follow one another, `MOST_MARKS` are let through, more than in any writing; the
 * rest of them is shown as one U+FFFD. Nothing else disappears.
 */

const SHOWN_AS_REPLACEMENT = /[\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Characters that have no cell of their own: marks, joiners, variation selectors, tags. */
const MARKS = /[\p{M}\u200c\u200d\u{e0001}-\u{e007f}]+/gu;
const MOST_MARKS = 16;

/** Decodes one stream of bytes, whose characters may be split over chunks. */
export class OutputDecoder {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** How many marks what was decoded so far ends with. */
  #marks = 0;

  decode(bytes: Uint8Array): string {
    const text = this.#decoder.decode(bytes, { stream: true }).replace(SHOWN_AS_REPLACEMENT, "\ufffd");
    return text === "" ? "" : this.#limitMarks(text);
  }

  /** Ends the stream, as a reset of the guest does: what is left of a character is shown as U+FFFD. */
  end(): string {
    this.#marks = 0;
    return this.#decoder.decode();
  }

  #limitMarks(text: string): string {
    const before = this.#marks;
    this.#marks = 0;
    return text.replace(MARKS, (run: string, from: number) => {
      const marks = [...run];
      const already = from === 0 ? before : 0;
      if (from + run.length === text.length) this.#marks = already + marks.length;
      if (already + marks.length <= MOST_MARKS) return run;
      return marks.slice(0, Math.max(MOST_MARKS - already, 0)).join("") + (already > MOST_MARKS ? "" : "\ufffd");
    });
  }
}
