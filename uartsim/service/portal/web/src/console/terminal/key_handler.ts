/** The keys that the page takes while the terminal has the focus; all others, Tab and Shift+Tab too, are the guest's. */

/** What a key does in the page. */
export type PageKey = "leave" | "copy" | "paste" | "find" | "larger" | "smaller" | "usual-size";

/** What is read of a keyboard event. */
export type KeyStroke = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "shiftKey" | "altKey" | "metaKey">;

/** What a key does in the page, or null if it is for the guest. AltGr, which Windows gives as Ctrl and Alt, is never taken. */
export function pageKey(stroke: KeyStroke): PageKey | null {
  if (stroke.altKey || stroke.metaKey) return null;
  if (!stroke.ctrlKey) return stroke.shiftKey && stroke.key === "Insert" ? "paste" : null;
  if (stroke.key === "F6" && !stroke.shiftKey) return "leave";
  if (stroke.key === "Insert" && !stroke.shiftKey) return "copy";
  // By its place too, because with a layout such as Arabic or Russian the key named C gives another letter.
  if (stroke.shiftKey && isLetter(stroke, "c")) return "copy";
  if (stroke.shiftKey && isLetter(stroke, "v")) return "paste";
  if (stroke.shiftKey && isLetter(stroke, "f")) return "find";
  if (stroke.key === "+" || (stroke.key === "=" && !stroke.shiftKey)) return "larger";
  if (stroke.key === "-" && !stroke.shiftKey) return "smaller";
  if (stroke.key === "0" && !stroke.shiftKey) return "usual-size";
  return null;
}

function isLetter(stroke: KeyStroke, letter: string): boolean {
  const key = stroke.key.toLowerCase();
  if (key === letter) return true;
  return stroke.code === `Key${letter.toUpperCase()}` && !/^[a-z]$/.test(key);
}

/**
 * Whether the browser would do something of its own with a key that is typed to the guest: leave the terminal, load the page
 * anew, scroll, or move the caret of the text area, at whose end xterm.js takes what an input method composes. In its screen
 * reader mode xterm.js lets the browser have such keys as well.
 */
export function isBrowserKey(stroke: KeyStroke): boolean {
  const isPlain = !stroke.ctrlKey && !stroke.altKey && !stroke.metaKey;
  return isPlain && /^(F([1-9]|1[0-2])|Tab|Escape|Page(Up|Down)|Arrow(Up|Down|Left|Right)|Home|End|Delete)$/.test(stroke.key);
}
