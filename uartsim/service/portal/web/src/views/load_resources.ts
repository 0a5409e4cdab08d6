/** All machines and scale sets of all subscriptions that the user may see. */
import type { Arm } from "../azure/arm";
import { ArmError } from "../azure/arm_error";
import { COMPUTE_API, type ScaleSet, type VirtualMachine } from "../azure/compute";
import { SUBSCRIPTIONS_API, type Subscription } from "../azure/subscriptions";
import { machineRow, scaleSetRow, type ResourceRow } from "./resource_list";

export interface AllOfThem {
  readonly rows: readonly ResourceRow[];
  readonly subscriptions: readonly Subscription[];
  /** The subscriptions whose resources could not be read, and why. */
  readonly failures: readonly { readonly subscription: Subscription; readonly error: ArmError }[];
}

/**
 * @throws ArmError the list of subscriptions, or the resources of all of them, could not be read.
 */
export async function loadResources(arm: Arm, signal: AbortSignal): Promise<AllOfThem> {
  const subscriptions = await arm.list<Subscription>("/subscriptions", SUBSCRIPTIONS_API, signal);
  const results = await Promise.allSettled(subscriptions.map((one) => loadSubscription(arm, one, signal)));
  const rows: ResourceRow[] = [];
  const failures: { subscription: Subscription; error: ArmError }[] = [];
  results.forEach((result, index) => {
    const subscription = subscriptions[index];
    if (result.status === "fulfilled") rows.push(...result.value);
    else if (result.reason instanceof ArmError && subscription !== undefined) failures.push({ subscription, error: result.reason });
    else throw result.reason;
  });
  const first = failures[0];
  if (first !== undefined && failures.length === subscriptions.length) throw first.error;
  return { rows, subscriptions, failures };
}

async function loadSubscription(arm: Arm, subscription: Subscription, signal: AbortSignal): Promise<ResourceRow[]> {
  const compute = `${subscription.id}/providers/Microsoft.Compute`;
  const [machines, scaleSets] = await Promise.all([
    arm.list<VirtualMachine>(`${compute}/virtualMachines`, COMPUTE_API, signal, { statusOnly: "true" }),
    arm.list<ScaleSet>(`${compute}/virtualMachineScaleSets`, COMPUTE_API, signal),
  ]);
  return [...machines.map((one) => machineRow(one, subscription)), ...scaleSets.map((one) => scaleSetRow(one, subscription))];
}
