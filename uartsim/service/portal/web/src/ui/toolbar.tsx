/** A row of buttons; the arrow keys go from one to the next, as Tab does. */
import type { ComponentChildren, JSX } from "preact";
import { moveFocus } from "./roving";
import "./toolbar.css";

interface ToolbarProps {
  /** The accessible name: "Console". */
  readonly label: string;
  readonly children: ComponentChildren;
}

export function Toolbar({ label, children }: ToolbarProps): JSX.Element {
  return (
    <div class="toolbar" role="toolbar" aria-label={label} onKeyDown={(event) => moveFocus(event, event.currentTarget, "row")}>
      {children}
    </div>
  );
}
