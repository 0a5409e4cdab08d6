/** What the keys of the on-screen row type, by the control sequences of xterm (ctlseqs, "PC-Style Function Keys"). */

/** A key of the row that types something. */
export type ScreenKey =
  | "escape" | "tab" | "up" | "down" | "right" | "left" | "home" | "end" | "page-up" | "page-down" | "interrupt" | "end-of-file" | "suspend";

/** The keys that change the next one. */
export interface Modifiers {
  readonly ctrl: boolean;
  readonly alt: boolean;
}

const PLAIN: Partial<Record<ScreenKey, string>> = {
  escape: "\x1b",
  tab: "\t",
  interrupt: "\x03",
  "end-of-file": "\x04",
  suspend: "\x1a",
};
const CURSOR: Partial<Record<ScreenKey, string>> = { up: "A", down: "B", right: "C", left: "D", home: "H", end: "F" };
const TILDE: Partial<Record<ScreenKey, string>> = { "page-up": "5", "page-down": "6" };

/** What a key types; `application` is the mode of cursor keys that an editor sets (DECCKM). */
export function screenKeyText(key: ScreenKey, modifiers: Modifiers, application: boolean): string {
  const number = 1 + (modifiers.alt ? 2 : 0) + (modifiers.ctrl ? 4 : 0);
  const cursor = CURSOR[key];
  if (cursor !== undefined) {
    if (number > 1) return `\x1b[1;${number}${cursor}`;
    return `\x1b${application ? "O" : "["}${cursor}`;
  }
  const tilde = TILDE[key];
  if (tilde !== undefined) return number > 1 ? `\x1b[${tilde};${number}~` : `\x1b[${tilde}~`;
  const plain = PLAIN[key] ?? "";
  return modifiers.alt ? `\x1b${plain}` : plain;
}

/** What a typed text becomes when Ctrl or Alt of the row was pressed before it: only a single character is changed. */
export function modifiedText(text: string, modifiers: Modifiers): string {
  if ([...text].length !== 1) return text;
  const typed = modifiers.ctrl ? controlCharacter(text) : text;
  return modifiers.alt ? `\x1b${typed}` : typed;
}

function controlCharacter(text: string): string {
  if (text === " ") return "\0";
  if (text === "?") return "\x7f";
  const upper = text.toUpperCase();
  return /^[@-_]$/.test(upper) ? String.fromCharCode(upper.charCodeAt(0) & 0x1f) : text;
}
