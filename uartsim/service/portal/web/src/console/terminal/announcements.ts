/** A bound on what xterm.js has a screen reader announce at one go. */
import { Terminal } from "@xterm/xterm";

/** What a screen reader reads of output without line feeds, in UTF-16 units: about the 20 rows that xterm.js allows itself. */
const LONGEST = 2000;

/**
 * Keeps the text to announce short. xterm.js counts rows by their line feeds, and collects output without any for ever: the
 * browser then lays out a megabyte of text, and the page stands still for seconds. To be called once xterm.js
 * has made its live region: when it is opened, in its screen reader mode.
 */
export function boundAnnouncements(terminal: Terminal): void {
  const region = terminal.element?.querySelector(".live-region");
  if (region === null || region === undefined) return;
  const observer = new MutationObserver(() => {
    if ((region.textContent ?? "").length > LONGEST) region.textContent = Terminal.strings.tooMuchOutput;
  });
  observer.observe(region, { childList: true });
}
