/** What a resource of Microsoft.Compute is, and what people call it. */
import { parseResourceId, SCALE_SET, SCALE_SET_INSTANCE, VIRTUAL_MACHINE } from "../azure/resource_id";

export type MachineKind = "virtualMachine" | "scaleSet" | "instance";

export interface MachineId {
  readonly kind: MachineKind;
  readonly id: string;
  readonly subscriptionId: string;
  readonly resourceGroup: string;
  /** For an instance, as in the audit, the scale set's name and the number: `web/0`. */
  readonly name: string;
  /** Of an instance: its scale set. */
  readonly scaleSetId: string | null;
}

const KINDS: Readonly<Record<string, MachineKind>> = {
  [VIRTUAL_MACHINE]: "virtualMachine",
  [SCALE_SET]: "scaleSet",
  [SCALE_SET_INSTANCE]: "instance",
};

/** What an ARM id names; null if that is neither a machine nor a scale set. */
export function readMachineId(id: string): MachineId | null {
  const parts = parseResourceId(id);
  const kind = parts === null ? undefined : KINDS[parts.type];
  if (parts === null || kind === undefined) return null;
  const { subscriptionId, resourceGroup, parentId: scaleSetId } = parts;
  const setName = scaleSetId === null ? "" : (parseResourceId(scaleSetId)?.name ?? "");
  const name = kind === "instance" ? `${setName}/${parts.name}` : parts.name;
  return { kind, id, subscriptionId, resourceGroup, name, scaleSetId };
}

/** What a machine is called: `linux1`, or `web/0` for an instance of a scale set; the id itself where it is none. */
export function machineName(id: string): string {
  return readMachineId(id)?.name ?? id;
}

/** What a thing of a kind is called. */
export const KIND_NAMES: Readonly<Record<MachineKind, string>> = {
  virtualMachine: "Virtual machine",
  scaleSet: "Virtual machine scale set",
  instance: "Virtual machine scale set instance",
};
