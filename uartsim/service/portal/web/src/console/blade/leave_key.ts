/** Ctrl+F6: from the terminal to what can be pressed, and from there back to the terminal. */
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { ConsoleTerminal } from "../terminal/terminal";

/** The terminal has been left: the buttons of what lies over it come first, else the toolbar. */
export function focusControls(page: HTMLElement | null): void {
  const button = page?.querySelector<HTMLElement>(".console-over button:not(:disabled)") ?? page?.querySelector<HTMLElement>(".console-toolbar button:not(:disabled)");
  button?.focus();
}

/** Takes the focus back to the terminal on Ctrl+F6 anywhere in the page; the terminal itself handles its own. */
export function useLeaveKey(page: RefObject<HTMLElement>, terminal: ConsoleTerminal | undefined): void {
  useEffect(() => {
    const keyed = (event: KeyboardEvent): void => {
      if (event.key !== "F6" || !event.ctrlKey || event.defaultPrevented || terminal === undefined) return;
      if (event.target instanceof Node && terminal.element.contains(event.target)) return;
      if (document.querySelector("dialog[open]") !== null || page.current === null) return;
      event.preventDefault();
      terminal.focus();
    };
    addEventListener("keydown", keyed);
    return () => removeEventListener("keydown", keyed);
  }, [terminal]);
}
