/** The operation of a view that goes on, and how the last one failed. */
import type { JSX } from "preact";
import { Spinner } from "../ui/progress";
import { ErrorBar } from "./error_bar";
import type { Operations } from "./use_operation";
import "./operation_status.css";

/** Its room is always there, so that nothing moves when an operation begins. */
export function OperationStatus({ operations }: { readonly operations: Operations }): JSX.Element {
  const { running, failed, run, dismiss } = operations;
  return (
    <div class="operation-status">
      {running !== null && <Spinner>{running.doing}…</Spinner>}
      {running === null && failed !== null && (
        <ErrorBar error={failed.error} what={`${failed.operation.doing} failed.`} onRetry={failed.operation.isSecret ? undefined : () => run(failed.operation)} onDismiss={dismiss} />
      )}
    </div>
  );
}
