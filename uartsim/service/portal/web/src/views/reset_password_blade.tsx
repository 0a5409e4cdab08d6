/** Resetting a password in a guest, or creating a user with one, by the VMAccess extension. */
import type { JSX } from "preact";

export function ResetPasswordBlade(_: { readonly machineId: string }): JSX.Element {
  return <main />;
}
