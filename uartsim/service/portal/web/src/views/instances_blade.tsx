/** The instances of a scale set. */
import type { JSX } from "preact";

export function InstancesBlade(_: { readonly scaleSetId: string }): JSX.Element {
  return <main />;
}
