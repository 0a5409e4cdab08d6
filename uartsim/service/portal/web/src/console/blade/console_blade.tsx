/** The serial console of a machine. */
import type { JSX } from "preact";

export function ConsoleBlade(_: { readonly machineId: string; readonly alone: boolean }): JSX.Element {
  return <main />;
}
