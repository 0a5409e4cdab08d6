/**
 * Copying and pasting.
 *
 * Text is pasted by the browser's own paste event wherever there is one (Ctrl+Shift+V, Shift+Insert, the menu of a right
 * click, a middle click): it needs no permission. The Clipboard API, which a browser may refuse, serves buttons.
 */

import type { Terminal } from "@xterm/xterm";
import { pasteText } from "./paste_text";
import { visibleSelection } from "./selection_text";
import type { TerminalEvents } from "./terminal";

const PASTE_REFUSED =
  "The browser does not let this page read the clipboard. Press Ctrl+Shift+V or Shift+Insert in the terminal, or right-click there and choose Paste.";
const COPY_REFUSED = "The browser does not let this page write to the clipboard. Select the text, right-click it and choose Copy.";

/** Copies from and pastes to one terminal. */
export class TerminalClipboard {
  readonly #terminal: Terminal;
  readonly #events: TerminalEvents;
  readonly #listening = new AbortController();

  constructor(terminal: Terminal, element: HTMLElement, events: TerminalEvents) {
    this.#terminal = terminal;
    this.#events = events;
    // Ahead of xterm.js, which would paste by its own way and copy what the guest has hidden.
    element.addEventListener("copy", (event) => this.#onCopy(event), true);
    element.addEventListener("cut", (event) => this.#onCopy(event), true);
    element.addEventListener("paste", (event) => this.#onPaste(event), true);
    element.addEventListener("drop", (event) => this.#onDrop(event), true);
    element.addEventListener("dragover", (event) => event.preventDefault(), true);
    window.addEventListener("mouseup", () => this.#limitPrimarySelection(), { signal: this.#listening.signal });
  }

  selection(): string {
    return visibleSelection(this.#terminal);
  }

  async copy(): Promise<void> {
    const text = this.selection();
    if (text === "") return;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Refused, or no Clipboard API: the copy event of the focused terminal needs no leave.
      this.#terminal.focus();
      if (!document.execCommand("copy")) this.#events.onClipboardRefused(COPY_REFUSED);
    }
  }

  async paste(): Promise<void> {
    let text: string;
    try {
      text = await navigator.clipboard.readText();
    } catch {
      this.#events.onClipboardRefused(PASTE_REFUSED);
      return;
    }
    this.#give(text);
  }

  dispose(): void {
    this.#listening.abort();
  }

  /** On X11 and Wayland xterm.js selects a copy of what was selected, for a middle click elsewhere: that too without hidden text. */
  #limitPrimarySelection(): void {
    const { textarea } = this.#terminal;
    if (textarea === undefined || textarea.value === "" || textarea.value !== this.#terminal.getSelection()) return;
    const shown = this.selection();
    if (shown === textarea.value) return;
    textarea.value = shown;
    textarea.select();
  }

  #give(text: string): void {
    const typed = pasteText(text, this.#terminal.modes.bracketedPasteMode);
    if (typed === "") return;
    this.#terminal.scrollToBottom();
    this.#events.onPaste(typed);
  }

  #onCopy(event: ClipboardEvent): void {
    event.stopPropagation();
    event.preventDefault();
    const text = this.selection();
    if (text !== "") event.clipboardData?.setData("text/plain", text);
  }

  #onPaste(event: ClipboardEvent): void {
    event.stopPropagation();
    event.preventDefault();
    this.#give(event.clipboardData?.getData("text/plain") ?? "");
  }

  #onDrop(event: DragEvent): void {
    event.stopPropagation();
    event.preventDefault();
    this.#give(event.dataTransfer?.getData("text/plain") ?? "");
  }
}
