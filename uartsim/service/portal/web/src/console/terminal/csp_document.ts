/**
 * xterm.js under a content security policy without 'unsafe-inline'.
 *
 * xterm.js makes <style> elements, and sets style attributes of the spans of its DOM renderer. The policy allows a <style>
 * element that has the nonce of the page, and lets no script set a style attribute; the same declarations by way of
 * `element.style` are allowed. So xterm.js gets a document that makes elements which do the one or the other.
 */

function nonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
}

function setAttributeByRule(this: HTMLElement, name: string, value: string): void {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

function createAllowed(tag: string): HTMLElement {
  const element = Document.prototype.createElement.call(document, tag);
  if (tag === "style") element.nonce = nonce();
  else if (tag === "span") element.setAttribute = setAttributeByRule;
  return element;
}

/** The page's document, but what it creates is allowed by the policy; for the option `documentOverride`. */
export function allowedDocument(): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === "createElement") return createAllowed;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Does `work`, in which xterm.js creates elements by the global document although it was given another (its Viewport does). */
export function creatingAllowed(work: () => void): void {
  document.createElement = createAllowed as Document["createElement"];
  try {
    work();
  } finally {
    delete (document as Partial<Document>).createElement;
  }
}
