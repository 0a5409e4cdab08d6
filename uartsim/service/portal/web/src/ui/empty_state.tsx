/** What is shown in the place of a list that has no entries. */
import type { ComponentChildren, JSX } from "preact";
import { Icon, type IconName } from "./icon";
import "./empty_state.css";

interface EmptyStateProps {
  readonly icon: IconName;
  readonly title: string;
  /** Why, and what one can do. */
  readonly children?: ComponentChildren;
  readonly actions?: ComponentChildren;
}

export function EmptyState({ icon, title, children, actions }: EmptyStateProps): JSX.Element {
  return (
    <div class="empty-state">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children !== undefined && <div>{children}</div>}
      {actions !== undefined && <div class="empty-state-actions">{actions}</div>}
    </div>
  );
}
