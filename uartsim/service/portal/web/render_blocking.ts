// The theme that the user has chosen is set by the page's script, which therefore has to run before the first paint.
import type { Plugin } from "vite";

/** Marks the page's script with `blocking="render"` (HTML, "blocking attributes"). */
export function renderBlocking(): Plugin {
  const tag = '<script type="module"';
  return {
    name: "render-blocking",
    apply: "build",
    transformIndexHtml: { order: "post", handler: (html) => html.replace(tag, `${tag} blocking="render"`) },
  };
}
