/** The overview of a machine, a scale set or an instance. */
import type { JSX } from "preact";

export function OverviewBlade(_: { readonly id: string }): JSX.Element {
  return <main />;
}
