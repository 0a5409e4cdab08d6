/** All resources that the user may see. */
import type { JSX } from "preact";

export function AllResources(): JSX.Element {
  return <main />;
}
