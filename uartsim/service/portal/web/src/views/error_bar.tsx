/** What the service refused, in its own words, with what can be done about it. */
import type { ComponentChildren, JSX } from "preact";
import type { ArmError } from "../azure/arm";
import { Button } from "../ui/button";
import { MessageBar } from "../ui/message_bar";

interface ErrorBarProps {
  readonly error: ArmError;
  /** What was to be done: "Restarting linux1 failed." */
  readonly what?: string;
  readonly onRetry?: (() => void) | undefined;
  readonly onDismiss?: (() => void) | undefined;
  /** Further buttons that mend it. */
  readonly actions?: ComponentChildren;
}

export function ErrorBar({ error, what, onRetry, onDismiss, actions }: ErrorBarProps): JSX.Element {
  const buttons = (
    <>
      {actions}
      {onRetry !== undefined && (
        <Button icon="refresh" onClick={onRetry}>
          Retry
        </Button>
      )}
    </>
  );
  return (
    <MessageBar kind="error" actions={buttons} onDismiss={onDismiss}>
      {what !== undefined && <p>{what}</p>}
      <p>
        {error.message} <span class="error-bar-code">({error.code})</span>
      </p>
      {mitigationOf(error) !== null && <p>{mitigationOf(error)}</p>}
    </MessageBar>
  );
}

/** What a person can do about an error; null where there is nothing to be said. */
function mitigationOf(error: ArmError): string | null {
  if (error.mitigation !== null) return error.mitigation;
  if (error.code === "AuthorizationFailed") return "Your roles do not include this. Ask an owner of the subscription for a role that does.";
  if (error.code === "ScopeLocked") return "Delete the lock, or ask whoever set it.";
  return error.isTransient ? "Most errors of this kind pass: try again in a moment." : null;
}
