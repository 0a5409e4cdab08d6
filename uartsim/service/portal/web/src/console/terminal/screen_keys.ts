/** A row of the keys that an on-screen keyboard lacks. */

import "./screen_keys.css";
import { modifiedText, type Modifiers, type ScreenKey, screenKeyText } from "./key_bytes";

const KEYS: readonly (readonly [key: ScreenKey | "ctrl" | "alt", cap: string, name: string])[] = [
  ["escape", "Esc", "Escape"],
  ["tab", "Tab", "Tab"],
  ["ctrl", "Ctrl", "Control, with the next key"],
  ["alt", "Alt", "Alt, with the next key"],
  ["left", "←", "Left"],
  ["up", "↑", "Up"],
  ["down", "↓", "Down"],
  ["right", "→", "Right"],
  ["interrupt", "^C", "Control C, interrupt"],
  ["end-of-file", "^D", "Control D, end of input"],
  ["suspend", "^Z", "Control Z, suspend"],
  ["home", "Home", "Home"],
  ["end", "End", "End"],
  ["page-up", "PgUp", "Page up"],
  ["page-down", "PgDn", "Page down"],
];

/** What the row needs of the terminal. */
interface KeyTarget {
  /** Types to the guest. */
  type(text: string): void;
  /** Whether the guest has switched the cursor keys to their application mode. */
  applicationKeys(): boolean;
}

/** The row of keys below a terminal; shown where the main pointer is a finger. */
export class ScreenKeys {
  readonly element = document.createElement("div");
  readonly #target: KeyTarget;
  readonly #toggles = new Map<"ctrl" | "alt", HTMLButtonElement>();
  readonly #coarse = matchMedia("(pointer: coarse)");

  constructor(target: KeyTarget) {
    this.#target = target;
    this.element.className = "screen-keys";
    this.element.setAttribute("role", "toolbar");
    this.element.setAttribute("aria-label", "Keys");
    for (const [key, cap, name] of KEYS) this.element.append(this.#button(key, cap, name));
    this.#coarse.addEventListener("change", this.#decide);
    this.#decide();
  }

  /** The text as Ctrl and Alt of the row change it, once. */
  modified(text: string): string {
    return modifiedText(text, this.#takeModifiers());
  }

  dispose(): void {
    this.#coarse.removeEventListener("change", this.#decide);
  }

  readonly #decide = (): void => {
    this.element.hidden = !this.#coarse.matches;
  };

  #button(key: ScreenKey | "ctrl" | "alt", cap: string, name: string): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "screen-keys-key";
    button.textContent = cap;
    button.setAttribute("aria-label", name);
    // Keeps the focus in the terminal, and with it the on-screen keyboard.
    button.addEventListener("pointerdown", (event) => event.preventDefault());
    button.addEventListener("mousedown", (event) => event.preventDefault());
    if (key === "ctrl" || key === "alt") {
      button.setAttribute("aria-pressed", "false");
      this.#toggles.set(key, button);
      button.addEventListener("click", () => press(button, !isPressed(button)));
    } else {
      button.addEventListener("click", () =>
        this.#target.type(screenKeyText(key, this.#takeModifiers(), this.#target.applicationKeys())),
      );
    }
    return button;
  }

  #takeModifiers(): Modifiers {
    const taken = { ctrl: isPressed(this.#toggles.get("ctrl")), alt: isPressed(this.#toggles.get("alt")) };
    for (const button of this.#toggles.values()) press(button, false);
    return taken;
  }
}

function isPressed(button: HTMLButtonElement | undefined): boolean {
  return button?.getAttribute("aria-pressed") === "true";
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  if (isPressed(button) !== pressed) button.setAttribute("aria-pressed", String(pressed));
}
