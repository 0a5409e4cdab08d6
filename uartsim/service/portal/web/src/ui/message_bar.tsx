/** A message in the page, with what can be done about it. */
import type { ComponentChildren, JSX } from "preact";

interface MessageBarProps {
  readonly kind: "info" | "success" | "warning" | "error";
  readonly children: ComponentChildren;
  /** Buttons that mend it. */
  readonly actions?: ComponentChildren;
}

export function MessageBar({ kind, children, actions }: MessageBarProps): JSX.Element {
  return (
    <div class={`message-bar ${kind}`} role={kind === "error" ? "alert" : "status"}>
      <div>{children}</div>
      {actions !== undefined && <div class="message-actions">{actions}</div>}
    </div>
  );
}
