/** The terminal of a console: xterm.js with its add-ons, as the console's blade uses it. */

/** What is chosen for the terminal's size. */
export type TerminalSize = "window" | { readonly columns: number; readonly rows: number };

/** A terminal in the page; `createTerminal` makes one. */
export interface ConsoleTerminal {
  /** Where it is drawn. */
  readonly element: HTMLElement;
  readonly columns: number;
  readonly rows: number;
  /** Shows what the guest sent; resolves when it has been parsed: at most 1 MiB may be unparsed before the caller waits. */
  write(data: Uint8Array): Promise<void>;
  /** Shows a line that is not the guest's, such as "--- the machine was reset ---", told apart by its look. */
  note(text: string): void;
  /** Everything that is kept, as text, for a download. */
  text(): string;
  focus(): void;
  /** Leaves the terminal, as Ctrl+F6 does. */
  blur(): void;
  search(text: string, direction: "next" | "previous", options?: { matchCase?: boolean; regex?: boolean }): boolean;
  setSize(size: TerminalSize): void;
  setFontSize(points: number): void;
  setTheme(theme: "light" | "dark"): void;
  setReadOnly(readOnly: boolean): void;
  selection(): string;
  clear(): void;
  dispose(): void;
}

/** What a terminal tells the blade. */
export interface TerminalEvents {
  /** A key, or a short text that an input method made. */
  onType(text: string): void;
  /** Text that was pasted, of any length; control characters that a paste must not contain are out already. */
  onPaste(text: string): void;
  /** A paste or copy that the browser refused; the text says what to do instead. */
  onClipboardRefused(text: string): void;
  /** Ctrl+F6. */
  onLeave(): void;
  onResize(columns: number, rows: number): void;
  /** A link in the output was clicked; the blade asks before it opens. */
  onLink(url: string): void;
}
