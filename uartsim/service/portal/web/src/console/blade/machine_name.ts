/** The parts of a machine's ARM id. */

export interface MachineName {
  /** As it is shown: `linux1`, or `web/0` for an instance of a scale set. */
  readonly shown: string;
  readonly subscriptionId: string;
  /** The scale set that the machine is an instance of, and its id there; null for a virtual machine. */
  readonly instance: { readonly scaleSetId: string; readonly id: string } | null;
}

export function machineName(machineId: string): MachineName {
  const parts = machineId.split("/");
  const subscriptionId = parts[2] ?? "";
  const last = parts[parts.length - 1] ?? machineId;
  const instance = /^(.*\/virtualMachineScaleSets\/([^/]+))\/virtualMachines\/([^/]+)$/i.exec(machineId);
  if (instance?.[1] === undefined || instance[2] === undefined || instance[3] === undefined) {
    return { shown: last, subscriptionId, instance: null };
  }
  return { shown: `${instance[2]}/${instance[3]}`, subscriptionId, instance: { scaleSetId: instance[1], id: instance[3] } };
}
