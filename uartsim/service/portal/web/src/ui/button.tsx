/** A button with an accessible name that says what it does. */
import type { ComponentChildren, JSX } from "preact";

interface ButtonProps {
  readonly children: ComponentChildren;
  readonly onClick: () => void;
  /** The accessible name, where the text that is shown does not say it all: "Send a non-maskable interrupt to linux1". */
  readonly label?: string;
  readonly kind?: "plain" | "primary" | "danger";
  readonly disabled?: boolean;
  /** For a button that opens something: whether it is open. */
  readonly expanded?: boolean;
}

export function Button({ children, onClick, label, kind = "plain", disabled = false, expanded }: ButtonProps): JSX.Element {
  return (
    <button type="button" class={`button ${kind}`} aria-label={label} title={label} aria-expanded={expanded} disabled={disabled} onClick={onClick}>
      {children}
    </button>
  );
}
