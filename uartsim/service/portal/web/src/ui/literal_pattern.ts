/** Text in a regular expression. */

/** The pattern, with or without the flag "u", that matches just this text. */
export function literalPattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}
