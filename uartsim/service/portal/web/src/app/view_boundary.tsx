/** Keeps an error of one view from taking the page away. */
import type { ComponentChildren, JSX } from "preact";
import { useErrorBoundary } from "preact/hooks";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty_state";
import { View } from "../ui/view";

/** Give it the route as its key: a view that failed is no matter at another place. */
export function ViewBoundary({ children }: { readonly children: ComponentChildren }): JSX.Element {
  const [error, reset] = useErrorBoundary((thrown: unknown) => console.error(thrown)) as [unknown, () => void];
  if (error === undefined) return <>{children}</>;
  const actions = (
    <>
      <Button kind="primary" onClick={reset}>
        Retry
      </Button>
      <Button onClick={() => location.reload()}>Reload page</Button>
    </>
  );
  return (
    <View title="This view has failed">
      <EmptyState icon="alert" title="Something went wrong on this page" actions={actions}>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        <p>If trying again does not help, load the page anew. The machine is not affected.</p>
      </EmptyState>
    </View>
  );
}
