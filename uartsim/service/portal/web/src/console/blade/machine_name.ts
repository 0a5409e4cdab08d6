/** What a machine is called, by its ARM id. */
import { parseResourceId, SCALE_SET_INSTANCE } from "../../azure/resource_id";

export interface MachineName {
  /** As it is shown: `linux1`, or `web/0` for an instance of a scale set. */
  readonly shown: string;
  readonly subscriptionId: string;
  /** The scale set that the machine is an instance of, and its number there; null for a virtual machine. */
  readonly instance: { readonly scaleSetId: string; readonly number: string } | null;
}

export function machineName(machineId: string): MachineName {
  const parts = parseResourceId(machineId);
  if (parts === null) return { shown: machineId, subscriptionId: "", instance: null };
  const { name, subscriptionId, parentId, type } = parts;
  if (type !== SCALE_SET_INSTANCE || parentId === null) return { shown: name, subscriptionId, instance: null };
  const scaleSet = parentId.slice(parentId.lastIndexOf("/") + 1);
  return { shown: `${scaleSet}/${name}`, subscriptionId, instance: { scaleSetId: parentId, number: name } };
}
