/** Who has used the console of a machine. */
import type { JSX } from "preact";

export function AuditBlade(_: { readonly machineId: string }): JSX.Element {
  return <main />;
}
