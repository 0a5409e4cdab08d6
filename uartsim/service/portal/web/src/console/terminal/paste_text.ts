/** What a paste becomes before it is typed to the guest. */

/** What a terminal sends before and after a paste, where the guest has switched bracketed paste on (CSI ? 2004 h). */
export const PASTE_BEGINS = "\x1b[200~";
export const PASTE_ENDS = "\x1b[201~";

/** Control characters that a clipboard must not type: all of C0 but Tab and CR, DEL, and C1. */
const CONTROL = /[\x00-\x08\x0a-\x0c\x0e-\x1f\x7f-\x9f]/g;

/**
 * The text to type for a pasted text.
 *
 * Lines end in CR, as the Enter key does. An end of a bracketed paste in the text (by which a web page that was copied from
 * could leave the brackets, and have a command run), and all other control characters but Tab, are left out.
 *
 * @param bracketed Whether the guest has asked for the marks of a bracketed paste.
 */
export function pasteText(text: string, bracketed: boolean): string {
  const plain = text
    .replaceAll("\r\n", "\r")
    .replaceAll("\n", "\r")
    .replace(/[\x1b\x9b]\[?20[01]~/g, "")
    .replace(CONTROL, "");
  if (plain === "") return "";
  return bracketed ? PASTE_BEGINS + plain + PASTE_ENDS : plain;
}
