/** That something takes time: of unknown length, or how far it is. */
import type { ComponentChildren, JSX } from "preact";
import "./progress.css";

/** Of unknown length; the text is read to a screen reader. */
export function Spinner({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <div class="spinner" role="status">
      <span class="spinner-wheel" aria-hidden="true" />
      <span>{children}</span>
    </div>
  );
}

interface ProgressProps {
  /** The accessible name: "Pasting". */
  readonly label: string;
  readonly value: number;
  readonly max: number;
}

export function Progress({ label, value, max }: ProgressProps): JSX.Element {
  return <progress class="progress" aria-label={label} value={value} max={max} />;
}
