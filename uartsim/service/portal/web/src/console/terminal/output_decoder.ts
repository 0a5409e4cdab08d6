/**
 * The guest's bytes as text for the terminal.
 *
 * The bytes are UTF-8. What is not, and the C1 control characters (U+0080 to U+009F, which a terminal would take for the
 * beginning of a control sequence, where an 8-bit character set was meant), are shown as U+FFFD; so are the characters that
 * change the direction of the text around them, by which a line could read otherwise than it is. No byte disappears.
 */

const SHOWN_AS_REPLACEMENT = /[\u0080-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Decodes one stream of bytes, whose characters may be split over chunks. */
export class OutputDecoder {
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });

  decode(bytes: Uint8Array): string {
    return this.#decoder.decode(bytes, { stream: true }).replace(SHOWN_AS_REPLACEMENT, "\ufffd");
  }

  /** Ends the stream, as a reset of the guest does: what is left of a character is shown as U+FFFD. */
  end(): string {
    return this.#decoder.decode();
  }
}
