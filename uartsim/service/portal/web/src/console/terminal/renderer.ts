/** Drawing by WebGL where that is fast, else by the DOM. */

import { WebglAddon } from "@xterm/addon-webgl";
import type { Terminal } from "@xterm/xterm";
import { withStylesAllowed } from "./policy";

/** What WebGL is called where the processor draws it: Chromium's own, Mesa's, Windows'. */
const DRAWN_BY_PROCESSOR = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/** Whether the browser has WebGL 2, and a graphics card draws it: drawn by the processor, it is slower than the DOM. */
function webglIsFast(): boolean {
  const context = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (context === null) return false;
  const names = context.getExtension("WEBGL_debug_renderer_info");
  const name: unknown = context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER);
  // A browser grants few contexts: this one is given back.
  context.getExtension("WEBGL_lose_context")?.loseContext();
  return !DRAWN_BY_PROCESSOR.test(String(name));
}

/**
 * Draws a terminal by WebGL. Without a fast WebGL, and when the browser takes the context away (it grants about 16 for all its
 * tabs), xterm.js draws by the DOM: with the same look.
 */
export function drawByWebgl(terminal: Terminal): void {
  if (!webglIsFast()) return;
  let addon: WebglAddon;
  try {
    addon = new WebglAddon();
    addon.onContextLoss(() => withStylesAllowed(() => addon.dispose()));
    terminal.loadAddon(addon);
  } catch {
    // The browser has no context left: the DOM renderer stays.
  }
}
