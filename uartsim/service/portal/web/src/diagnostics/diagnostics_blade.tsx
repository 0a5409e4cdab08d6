/** The boot diagnostics of a machine: its log, and a picture of its display. */
import type { JSX } from "preact";

export function DiagnosticsBlade(_: { readonly machineId: string }): JSX.Element {
  return <main />;
}
