/** Links in the output: addresses in the text, and those that the guest attaches to a text by OSC 8. */

import { WebLinksAddon } from "@xterm/addon-web-links";
import type { ILinkHandler, Terminal } from "@xterm/xterm";

/** Longer ones are not links: nobody could read what they are asked to open. */
const LONGEST_LINK = 2000;

/** The address as a browser would open it, if it is one of http or https without a password; else null. */
export function safeLink(address: string): string | null {
  if (address.length > LONGEST_LINK) return null;
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    return null;
  }
  const isWeb = url.protocol === "https:" || url.protocol === "http:";
  return isWeb && url.username === "" && url.password === "" ? url.href : null;
}

/** Makes links of a terminal call `open`, and show where they lead in `element` while the pointer is on them. */
export function addLinks(terminal: Terminal, element: HTMLElement, open: (url: string) => void): void {
  const activate = (_event: MouseEvent, address: string) => {
    const url = safeLink(address);
    if (url !== null) open(url);
  };
  const hover = (_event: MouseEvent, address: string) => {
    const url = safeLink(address);
    element.textContent = url ?? "";
    element.hidden = url === null;
  };
  const leave = () => {
    element.hidden = true;
  };
  const handler: ILinkHandler = { activate, hover, leave, allowNonHttpProtocols: false };
  terminal.options.linkHandler = handler;
  terminal.loadAddon(new WebLinksAddon(activate, { hover, leave }));
}
