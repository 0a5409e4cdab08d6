/** The list of all resources: what is in it, what a filter leaves, and in which order. */
import { osTypeOf, powerState, type PowerState, type ScaleSet, type VirtualMachine } from "../azure/compute";
import { idKey, parseResourceId } from "../azure/resource_id";
import type { Subscription } from "../azure/subscriptions";
import { KIND_NAMES, type MachineKind } from "./machine_id";

export type ResourceKind = Exclude<MachineKind, "instance">;

export interface ResourceRow {
  readonly id: string;
  readonly kind: ResourceKind;
  readonly name: string;
  readonly group: string;
  readonly location: string;
  readonly os: string;
  readonly subscription: Subscription;
  /** Of a machine. */
  readonly power: PowerState | null;
  /** The power state of a machine; of a scale set, how many instances it has. */
  readonly status: string;
}

const SORT_KEYS = ["name", "kind", "status", "os", "group", "location", "subscription"] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export function machineRow(machine: VirtualMachine, subscription: Subscription): ResourceRow {
  const { storageProfile, osProfile, instanceView } = machine.properties;
  const power = powerState(instanceView);
  return {
    ...placeOf(machine, subscription),
    kind: "virtualMachine",
    os: osTypeOf(storageProfile, osProfile) ?? "",
    power,
    status: power.text,
  };
}

export function scaleSetRow(scaleSet: ScaleSet, subscription: Subscription): ResourceRow {
  const profile = scaleSet.properties.virtualMachineProfile;
  const capacity = scaleSet.sku?.capacity ?? 0;
  return {
    ...placeOf(scaleSet, subscription),
    kind: "scaleSet",
    os: osTypeOf(profile?.storageProfile, profile?.osProfile) ?? "",
    power: null,
    status: capacity === 1 ? "1 instance" : `${capacity} instances`,
  };
}

type Place = Pick<ResourceRow, "id" | "name" | "group" | "location" | "subscription">;

function placeOf(resource: VirtualMachine | ScaleSet, subscription: Subscription): Place {
  const { id, name, location } = resource;
  return { id, name, location, group: parseResourceId(id)?.resourceGroup ?? "", subscription };
}

/**
 * The rows that a filter leaves.
 *
 * @param text words, all of which a row has to have somewhere, in whatever case.
 * @param kind a kind, or `all`.
 */
export function filterRows(rows: readonly ResourceRow[], text: string, kind: ResourceKind | "all"): ResourceRow[] {
  const words = text.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    const shown = SORT_KEYS.map((key) => shownText(row, key)).join("\n").toLocaleLowerCase();
    return (kind === "all" || row.kind === kind) && words.every((word) => shown.includes(word));
  });
}

/** The rows in the order of a column; `web2` comes before `web10`, and rows that are the same there are in that of their names. */
export function sortRows(rows: readonly ResourceRow[], key: SortKey, direction: "ascending" | "descending"): ResourceRow[] {
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  const sign = direction === "ascending" ? 1 : -1;
  const compare = (one: ResourceRow, other: ResourceRow): number =>
    sign * collator.compare(shownText(one, key), shownText(other, key)) ||
    collator.compare(one.name, other.name) ||
    collator.compare(idKey(one.id), idKey(other.id));
  return [...rows].sort(compare);
}

function shownText(row: ResourceRow, key: SortKey): string {
  if (key === "kind") return KIND_NAMES[row.kind];
  return key === "subscription" ? row.subscription.displayName : row[key];
}
