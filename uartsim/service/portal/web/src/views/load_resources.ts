/** All machines and scale sets of all subscriptions that the user may see. */
import type { Arm } from "../azure/arm";
import { ArmError } from "../azure/arm_error";
import { COMPUTE_API, type ScaleSet, type VirtualMachine } from "../azure/compute";
import { SUBSCRIPTIONS_API, type Subscription } from "../azure/subscriptions";
import { machineRow, scaleSetRow, type ResourceRow } from "./resource_list";

const RESOURCES_API = "2021-04-01";
/** How long a refused list is not asked for. */
const REFUSED_FOR_MS = 60_000;

export interface AllOfThem {
  readonly rows: readonly ResourceRow[];
  readonly subscriptions: readonly Subscription[];
  /** The subscriptions whose resources could not be read, and why. */
  readonly failures: readonly { readonly subscription: Subscription; readonly error: ArmError }[];
}

type Reader = Pick<Arm, "call" | "list">;

/** The lists that were refused: asked again only after a while, since each refusal is an error in the browser's and the service's logs. */
export class RefusedLists {
  private readonly until = new Map<string, number>();

  /** @param now tells the time, in milliseconds. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  has(path: string): boolean {
    return (this.until.get(path) ?? 0) > this.now();
  }

  add(path: string): void {
    this.until.set(path, this.now() + REFUSED_FOR_MS);
  }
}

/**
 * @param refused what earlier calls of this function have found, of the same user.
 * @throws ArmError the list of subscriptions, or the resources of all of them, could not be read.
 */
export async function loadResources(arm: Reader, refused: RefusedLists, signal: AbortSignal): Promise<AllOfThem> {
  const subscriptions = await arm.list<Subscription>("/subscriptions", SUBSCRIPTIONS_API, signal);
  const results = await Promise.allSettled(subscriptions.map((one) => loadSubscription(arm, refused, one, signal)));
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

async function loadSubscription(
  arm: Reader,
  refused: RefusedLists,
  subscription: Subscription,
  signal: AbortSignal,
): Promise<ResourceRow[]> {
  const list = { arm, refused, subscription, signal };
  const [machines, scaleSets] = await Promise.all([
    listReadable<VirtualMachine>(list, "virtualMachines"),
    listReadable<ScaleSet>(list, "virtualMachineScaleSets"),
  ]);
  return [...machines.map((one) => machineRow(one, subscription)), ...scaleSets.map((one) => scaleSetRow(one, subscription))];
}

interface List {
  readonly arm: Reader;
  readonly refused: RefusedLists;
  readonly subscription: Subscription;
  readonly signal: AbortSignal;
}

type ComputeType = "virtualMachines" | "virtualMachineScaleSets";

/** All resources of a type; one by one for a user who may read some of them, but not the list of all. */
async function listReadable<T>({ arm, refused, subscription: { id }, signal }: List, type: ComputeType): Promise<T[]> {
  const withState = type === "virtualMachines";
  const path = `${id}/providers/Microsoft.Compute/${type}`;
  if (!refused.has(path)) {
    const listed = await unlessForbidden(arm.list<T>(path, COMPUTE_API, signal, withState ? { statusOnly: "true" } : {}));
    if (listed !== null) return listed;
    refused.add(path);
  }
  // This list leaves out what the user may not read, and is refused to nobody.
  const all = await arm.list<{ readonly id: string; readonly type: string }>(`${id}/resources`, RESOURCES_API, signal);
  const ofType = all.filter((one) => one.type.toLowerCase() === `microsoft.compute/${type}`.toLowerCase());
  const query = withState ? { $expand: "instanceView" } : {};
  const read = await Promise.all(ofType.map((one) => unlessForbidden(arm.call<T>(one.id, COMPUTE_API, { signal, query }))));
  return read.filter((one) => one !== null);
}

/** What was asked for; null if the user may not have it, or it has gone in the meantime. */
async function unlessForbidden<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof ArmError && (error.status === 403 || error.status === 404)) return null;
    throw error;
  }
}
