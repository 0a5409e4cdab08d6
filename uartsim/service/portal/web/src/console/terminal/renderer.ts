/** Drawing by WebGL while the browser grants a context, else by the DOM. */

import { WebglAddon } from "@xterm/addon-webgl";
import type { Terminal } from "@xterm/xterm";
import { withStylesAllowed } from "./policy";

/**
 * Draws a terminal by WebGL. Without WebGL, and when the browser takes the context away (it grants about 16 for all its
 * tabs), xterm.js draws by the DOM: slower, and with the same look.
 */
export function drawByWebgl(terminal: Terminal): void {
  let addon: WebglAddon;
  try {
    addon = new WebglAddon();
    addon.onContextLoss(() => withStylesAllowed(() => addon.dispose()));
    terminal.loadAddon(addon);
  } catch {
    // No WebGL 2: the DOM renderer stays.
  }
}
