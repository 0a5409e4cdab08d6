/** The keyboard shortcuts of the console page. */

export interface Shortcut {
  readonly keys: readonly string[];
  /** The keys are pressed one or the other, not together. */
  readonly isEither?: boolean;
  readonly what: string;
}

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: ["Ctrl", "Shift", "C"], what: "Copy the selected text" },
  { keys: ["Ctrl", "Shift", "V"], what: "Paste" },
  { keys: ["Ctrl", "Shift", "F"], what: "Search the output" },
  { keys: ["Ctrl", "F6"], what: "Leave the terminal for the toolbar, or go back to the terminal" },
  { keys: ["Tab"], what: "In the terminal: goes to the machine. Outside of it: the next control" },
  { keys: ["←", "→"], isEither: true, what: "In the toolbar: the button before, the next button" },
  { keys: ["Shift", "Page Up"], what: "Scroll the terminal back" },
  { keys: ["Shift", "Page Down"], what: "Scroll the terminal forward" },
  { keys: ["Ctrl", "+"], what: "Make the text larger" },
  { keys: ["Ctrl", "-"], what: "Make the text smaller" },
  { keys: ["Ctrl", "0"], what: "Give the text its usual size" },
  { keys: ["Esc"], what: "Close a dialog, a panel or the search" },
];

/** What stands between two keys of a shortcut. */
export function between({ isEither = false }: Shortcut): string {
  return isEither ? " or " : " + ";
}
