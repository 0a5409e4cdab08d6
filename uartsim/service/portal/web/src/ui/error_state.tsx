/** In the place of a view whose resource did not come: what the service said, in its words. */
import type { JSX } from "preact";
import type { ArmError } from "../azure/arm_error";
import { Button } from "./button";
import { EmptyState } from "./empty_state";

interface ErrorStateProps {
  readonly error: ArmError;
  readonly onRetry: () => void;
}

export function ErrorState({ error, onRetry }: ErrorStateProps): JSX.Element {
  return (
    <div role="alert">
      <EmptyState icon={error.status === 403 ? "lock" : "alert"} title={titleOf(error)} actions={<Button onClick={onRetry}>Retry</Button>}>
        <p>{error.message}</p>
        {error.mitigation !== null && <p>{error.mitigation}</p>}
        {error.status !== 0 && <p>{`Error code: ${error.code}`}</p>}
      </EmptyState>
    </div>
  );
}

function titleOf(error: ArmError): string {
  if (error.status === 403) return "You do not have access";
  if (error.status === 404) return "Not found";
  return error.isTransient ? "The service cannot answer now" : "The service refused";
}
