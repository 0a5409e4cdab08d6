/** The terminal of a console: xterm.js with its add-ons, as the console's blade uses it. `createTerminal` makes one. */
import type { Theme } from "../../ui/page_theme";

/** The size: that of the element, which follows the window, but at least 80 columns and 24 rows; or a chosen one, which is kept while the window changes. */
export type TerminalSize = "window" | { readonly columns: number; readonly rows: number };

/** The height of text, in points: the least, what Ctrl+0 sets, and the most. */
export const TEXT_POINTS = { smallest: 8, usual: 11, largest: 32 } as const;

/** CSS pixels in a point. */
export const PIXELS_A_POINT = 4 / 3;

/** What a search looks for. */
export interface SearchQuery {
  readonly text: string;
  readonly matchCase?: boolean;
  readonly regex?: boolean;
}

/** What a search has found. */
export interface SearchResult {
  /** How many matches there are; at most 200,000 are counted. */
  readonly matches: number;
  /** There are more matches than were counted. */
  readonly more: boolean;
  /** The number, from 1, of the match that is selected and in view; 0 without a match. */
  readonly current: number;
  /** Why nothing could be looked for, such as the browser's words on a bad regular expression. */
  readonly problem: string | null;
}

/** How a terminal starts; everything but its name may be changed later. */
export interface TerminalOptions {
  /** The accessible name of the terminal, such as "Serial console of vm1". */
  readonly label: string;
  readonly theme: Theme;
  readonly size: TerminalSize;
  /** Height of the text, within `TEXT_POINTS`. */
  readonly points: number;
}

/** A terminal in the page. */
export interface ConsoleTerminal {
  /** Where it is drawn. */
  readonly element: HTMLElement;
  readonly columns: number;
  readonly rows: number;
  /** Shows what the guest sent; resolves when it has been parsed.  What may wait for that is bounded by `pending_output.ts`. */
  write(data: Uint8Array): Promise<void>;
  /** Shows a line that is not the guest's, such as "The machine was reset.", told apart by a mark that no guest can draw. */
  note(text: string): void;
  /**
   * While history is replayed, the guest's queries in it (where is the cursor? what terminal is this?) are not answered:
   * the answers would be typed to a guest that no longer waits for them. In order with `write`.
   */
  setReplaying(replaying: boolean): void;
  /** A new boot begins: modes that the last one left on (mouse, bracketed paste, alternate screen ...) are off. In order with `write`. */
  startBoot(): void;
  /** Everything that is kept, as text, for a download: wrapped lines whole, no control sequences. */
  text(): Promise<string>;
  /** The same with colours and attributes, as text with ANSI sequences. */
  colouredText(): Promise<string>;
  focus(): void;
  /** Leaves the terminal, as Ctrl+F6 does. */
  blur(): void;
  /** Selects the next or previous match and marks the others that are in view. A newer search ends an older one. */
  search(query: SearchQuery, direction: "next" | "previous"): Promise<SearchResult>;
  /** Takes the marks of a search away. */
  endSearch(): void;
  setSize(size: TerminalSize): void;
  setFontSize(points: number): void;
  setTheme(theme: Theme): void;
  /** The selected text, without what the guest has hidden; "" without a selection. */
  selection(): string;
  /** Copies the selection; what a Copy button does. */
  copy(): Promise<void>;
  /** Pastes from the clipboard with the browser's permission; what a Paste button does. */
  paste(): Promise<void>;
  /** The line that tells a Unix guest the terminal's size, as `resize` would. */
  fitCommand(): string;
  /** Empties the screen, except for the line of the cursor, and the scroll-back. */
  clear(): void;
  dispose(): void;
}

/** What a terminal tells the blade. */
export interface TerminalEvents {
  /** A key, or a short text that an input method made. */
  onType(text: string): void;
  /** The terminal answers a query of the guest, such as for the cursor's position; typed as it is, never held or counted as typing. */
  onAnswer(text: string): void;
  /**
   * Text that was pasted, of any length: without control characters that a paste must not contain, its lines ended by CR,
   * and, where the guest has asked for it, between the marks of a bracketed paste.
   */
  onPaste(text: string): void;
  /** A paste or copy that the browser refused; the text says what to do instead. */
  onClipboardRefused(text: string): void;
  /** Ctrl+F6. */
  onLeave(): void;
  /** Ctrl+Shift+F. */
  onFind(): void;
  onResize(columns: number, rows: number): void;
  /** Ctrl and +, - or 0 have changed the text size, in points; the blade may keep it. */
  onFontSize(points: number): void;
  /** A link in the output was clicked; the blade asks before it opens. Always http or https. */
  onLink(url: string): void;
}
