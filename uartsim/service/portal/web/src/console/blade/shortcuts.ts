/** The keyboard shortcuts of the console page. */

export const SHORTCUTS: readonly { readonly keys: readonly string[]; readonly what: string }[] = [
  { keys: ["Ctrl", "Shift", "C"], what: "Copy the selected text" },
  { keys: ["Ctrl", "Shift", "V"], what: "Paste" },
  { keys: ["Ctrl", "Shift", "F"], what: "Search the output" },
  { keys: ["Ctrl", "F6"], what: "Leave the terminal for the toolbar, or go back to the terminal" },
  { keys: ["Tab"], what: "In the terminal: goes to the machine. Outside of it: the next control" },
  { keys: ["←", "→"], what: "In the toolbar: the button before, the next button" },
  { keys: ["Shift", "Page Up"], what: "Scroll the terminal back" },
  { keys: ["Shift", "Page Down"], what: "Scroll the terminal forward" },
  { keys: ["Ctrl", "+"], what: "Make the text larger" },
  { keys: ["Ctrl", "-"], what: "Make the text smaller" },
  { keys: ["Esc"], what: "Close a dialog, a panel or the search" },
];
