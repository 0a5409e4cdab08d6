/** ARM ids: `/subscriptions/ID/resourceGroups/NAME/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME]`. Their case does not count. */
interface ResourceId {
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** The type in lower case, such as `microsoft.compute/virtualmachinescalesets/virtualmachines`. */
  readonly type: string;
  /** The last name; of an instance of a scale set, its number. */
  readonly name: string;
  /** The id of what it is part of, or null: of an instance, its scale set. */
  readonly parentId: string | null;
}

export const VIRTUAL_MACHINE = "microsoft.compute/virtualmachines";
export const SCALE_SET = "microsoft.compute/virtualmachinescalesets";
export const SCALE_SET_INSTANCE = "microsoft.compute/virtualmachinescalesets/virtualmachines";

/** The parts of an id of a resource in a resource group; null for anything else. */
export function parseResourceId(id: string): ResourceId | null {
  const segments = id.split("/");
  if (segments.length < 9 || segments.length % 2 === 0 || segments[0] !== "" || segments.slice(1).includes("")) return null;
  const [, subscriptions, subscriptionId = "", groups, resourceGroup = "", providers, namespace = "", ...names] = segments;
  if ([subscriptions, groups, providers].join("/").toLowerCase() !== "subscriptions/resourcegroups/providers") return null;
  const types = names.filter((_, index) => index % 2 === 0);
  return {
    subscriptionId,
    resourceGroup,
    type: [namespace, ...types].join("/").toLowerCase(),
    name: names[names.length - 1] ?? "",
    parentId: types.length > 1 ? segments.slice(0, -2).join("/") : null,
  };
}

/** What two ids of the same resource have in common, as the key of a map. */
export function idKey(id: string): string {
  return id.replace(/\/+$/, "").toLowerCase();
}
