/** A subscription: its serial console enabled or disabled, and the audit. */
import type { JSX } from "preact";

export function SubscriptionView(_: { readonly subscriptionId: string }): JSX.Element {
  return <main />;
}
