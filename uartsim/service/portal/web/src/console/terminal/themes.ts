/**
 * The colours of the terminal.
 *
 * Black is dark and white is light in both themes, because programs use them as backgrounds too. Text in a colour that is
 * too near to what is behind it is made lighter or darker by xterm.js, until its contrast is `LEAST_CONTRAST`.
 */

import type { ITheme } from "@xterm/xterm";
import type { Theme } from "../../ui/page_theme";

/** The least contrast of text, WCAG 2.2 level AA; xterm.js raises what a guest chooses to it. */
export const LEAST_CONTRAST = 4.5;

/** On dark. */
const DARK: ITheme = {
  background: "#111318",
  foreground: "#e6e6e6",
  cursor: "#ffffff",
  cursorAccent: "#111318",
  selectionBackground: "#2f5f9e",
  selectionInactiveBackground: "#3a4252",
  black: "#000000",
  red: "#ff7b72",
  green: "#56d364",
  yellow: "#e3b341",
  blue: "#79b8ff",
  magenta: "#d2a8ff",
  cyan: "#56d4dd",
  white: "#d0d4da",
  brightBlack: "#868e9b",
  brightRed: "#ffa198",
  brightGreen: "#7ee787",
  brightYellow: "#f2cc60",
  brightBlue: "#a5d6ff",
  brightMagenta: "#e2c5ff",
  brightCyan: "#9be9ef",
  brightWhite: "#ffffff",
};

/** On light. */
const LIGHT: ITheme = {
  background: "#ffffff",
  foreground: "#1b1b1f",
  cursor: "#1b1b1f",
  cursorAccent: "#ffffff",
  selectionBackground: "#add6ff",
  selectionInactiveBackground: "#dfe4ea",
  black: "#1b1b1f",
  red: "#b31d28",
  green: "#1a6e2e",
  yellow: "#7a5200",
  blue: "#0550ae",
  magenta: "#7a3ec8",
  cyan: "#0b6674",
  white: "#d5d9df",
  brightBlack: "#5f6570",
  brightRed: "#c4242f",
  brightGreen: "#18752f",
  brightYellow: "#875b00",
  brightBlue: "#0a5cc2",
  brightMagenta: "#8648d0",
  brightCyan: "#0d6f7d",
  brightWhite: "#ffffff",
};

/** The colours of a theme. */
export function themeColours(theme: Theme): ITheme {
  return theme === "light" ? LIGHT : DARK;
}
