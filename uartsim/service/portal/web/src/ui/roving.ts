/** Arrow keys between the controls of a toolbar or menu (ARIA Authoring Practices, "roving focus"). */

const CONTROLS = "button:not(:disabled), a[href], select, input:not(:disabled)";

/** The controls in an element that can take the focus, in their order. */
export function controlsOf(element: HTMLElement): HTMLElement[] {
  return [...element.querySelectorAll<HTMLElement>(CONTROLS)].filter((control) => control.offsetParent !== null);
}

/**
 * Which of `count` controls a key leads to.
 *
 * @param key the key's name, such as `ArrowRight`.
 * @param present the index of the control that has the focus; -1 for none.
 * @param axis the keys that count: left and right, or up and down.
 * @returns the index; null if the key is none of them.
 */
export function nextIndex(key: string, present: number, count: number, axis: "row" | "column"): number | null {
  if (count === 0) return null;
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (key === (axis === "row" ? "ArrowRight" : "ArrowDown")) return (present + 1) % count;
  if (key === (axis === "row" ? "ArrowLeft" : "ArrowUp")) return present <= 0 ? count - 1 : present - 1;
  return null;
}

/** Moves the focus if the key says so; text fields and lists keep their keys. */
export function moveFocus(event: KeyboardEvent, element: HTMLElement, axis: "row" | "column"): void {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
  const controls = controlsOf(element);
  const index = nextIndex(event.key, controls.indexOf(document.activeElement as HTMLElement), controls.length, axis);
  if (index === null) return;
  event.preventDefault();
  controls[index]?.focus();
}
