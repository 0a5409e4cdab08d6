/**
 * A line of a guest's output as text that can be read: what a terminal would obey is taken out or made visible, so that nothing in
 * it moves, hides or forges anything.  Source of the sequences: ECMA-48.
 */

/** How control sequences are shown: taken out, or each visible as characters. */
export type SequenceView = "hidden" | "visible";

/** A line's text is broken after so many characters: a line of the guest may have any length. */
export const LONGEST_LINE = 2000;

/** How the service's own lines begin; a guest's output never has these bytes (docs/azure-diagnostics.md). */
const NOTE = "[serial console ";
const BROKEN_NOTE = "[serial console\\ ";

const CSI = String.raw`(?:\x1b\[|\x9b)([0-?]*)[ -/]*([@-~])`;
/** A string has no start of another in it, so that each character of a line is looked at once, ended strings or not. */
const STRINGS = String.raw`(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\x9d\x90\x98\x9e\x9f]*(?:\x07|\x1b\\|\x9c)`;
const ESCAPE = "\\x1b[ -/]*[0-OQ-WYZ\\\\`-~]";
const SEQUENCE = new RegExp(`${CSI}|${STRINGS}|${ESCAPE}|[\\r\\b]`, "g");
/** Control characters, and the ones of Unicode that reorder or break a line. */
const CONTROL = /[\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
const PLAIN = /^[^\0-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$/;
const NEW_PLACE = "HfABdEFJ";
const WIDEST_MOVE = 200;

/** Whether a line, as the service sent it, is one of the service's own. */
export function isNote(line: string): boolean {
  return line.startsWith(NOTE);
}

/**
 * The text of a line.
 *
 * @param line what is between two line feeds, as it was sent.
 * @param view how control sequences are shown.
 * @returns one text, or several where the cursor moved to another place or the line is very long.
 */
export function readableLine(line: string, view: SequenceView): string[] {
  const sent = line.replace(/\r+$/, "");
  const parts = PLAIN.test(sent) ? [sent] : view === "visible" ? [visible(sent)] : withoutSequences(sent);
  const honest = isNote(line) ? parts : parts.map((part) => part.replaceAll(NOTE, BROKEN_NOTE));
  return honest.flatMap(broken);
}

function withoutSequences(line: string): string[] {
  const parts: string[] = [];
  let text = "";
  let from = 0;
  for (const match of line.matchAll(SEQUENCE)) {
    text += line.slice(from, match.index);
    from = match.index + match[0].length;
    const final = match[2];
    if (match[0] === "\b") text = text.slice(0, /[\ud800-\udbff][\udc00-\udfff]/.test(text.slice(-2)) ? -2 : -1);
    else if (match[0] === "\r" || (final !== undefined && NEW_PLACE.includes(final))) {
      parts.push(text);
      text = "";
    } else if (final === "C") text += " ".repeat(Math.min(Number(match[1]) || 1, WIDEST_MOVE));
  }
  parts.push(text + line.slice(from));
  const shown = parts.filter((part) => part !== "").map(visible);
  return shown.length === 0 ? [""] : shown;
}

/** A text with each control character as a visible one: ESC as U+241B, and so on. */
function visible(text: string): string {
  return text.replace(CONTROL, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    return code === 0x7f ? "\u2421" : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}

function broken(text: string): string[] {
  if (text.length <= LONGEST_LINE) return [text];
  const pieces: string[] = [];
  let from = 0;
  while (from < text.length) {
    let to = from + LONGEST_LINE;
    if (/[\ud800-\udbff]/.test(text.charAt(to - 1))) to += 1; // not between the halves of a surrogate pair
    pieces.push(text.slice(from, to));
    from = to;
  }
  return pieces;
}
