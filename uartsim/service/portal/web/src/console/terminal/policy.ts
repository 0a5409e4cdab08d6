/**
 * xterm.js under a content security policy without 'unsafe-inline'.
 *
 * xterm.js makes <style> elements, and its DOM renderer gives spans style attributes. The policy allows a <style> element that
 * has the page's nonce; it lets no script set a style attribute, but allows the same declarations by `element.style`. The
 * option `documentOverride` of xterm.js would be the place for both, were it heeded by its Viewport and its row factory:
 * they use the global document (xterm.js 6.0.0), so what they call there is replaced.
 */

function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}

function createWithNonce(tag: string, options?: ElementCreationOptions): HTMLElement {
  const element = Document.prototype.createElement.call(document, tag, options);
  if (tag === "style") element.nonce = nonce();
  return element;
}

/** Does `work`, in which xterm.js creates <style> elements, so that the policy allows them. */
export function withStylesAllowed(work: () => void): void {
  document.createElement = createWithNonce as Document["createElement"];
  try {
    work();
  } finally {
    delete (document as Partial<Document>).createElement;
  }
}

function setAttribute(this: HTMLSpanElement, name: string, value: string): void {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

/** Lets style attributes of spans be set, by way of `element.style`. */
export function allowSpanStyles(): void {
  HTMLSpanElement.prototype.setAttribute = setAttribute;
}
