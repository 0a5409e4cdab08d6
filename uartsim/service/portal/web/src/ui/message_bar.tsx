/** A message in the page, with what can be done about it. */
import type { ComponentChildren, JSX } from "preact";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";
import "./message_bar.css";

type Kind = "info" | "success" | "warning" | "error";

const ICONS: Record<Kind, IconName> = { info: "info", success: "check", warning: "alert", error: "alert" };
const WORDS: Record<Kind, string> = { info: "Information", success: "Success", warning: "Warning", error: "Error" };

interface MessageBarProps {
  readonly kind: Kind;
  readonly children: ComponentChildren;
  /** Buttons that mend it. */
  readonly actions?: ComponentChildren;
  /** Given if the user can put the message away. */
  readonly onDismiss?: (() => void) | undefined;
}

export function MessageBar({ kind, children, actions, onDismiss }: MessageBarProps): JSX.Element {
  return (
    <div class={`message-bar message-bar-${kind}`} role={kind === "error" ? "alert" : "status"}>
      <span class="message-bar-icon">
        <Icon name={ICONS[kind]} />
        <span class="visually-hidden">{WORDS[kind]}: </span>
      </span>
      <div class="message-bar-text">{children}</div>
      {actions !== undefined && <div class="message-bar-actions">{actions}</div>}
      {onDismiss !== undefined && <Button kind="quiet" icon="close" label="Dismiss this message" onClick={onDismiss} />}
    </div>
  );
}
