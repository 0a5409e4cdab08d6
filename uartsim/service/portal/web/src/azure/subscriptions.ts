/** Subscriptions as the management REST shows them (Microsoft.Resources). */
export const SUBSCRIPTIONS_API = "2022-12-01";

export interface Subscription {
  readonly id: string;
  readonly subscriptionId: string;
  readonly displayName: string;
}
