/** The model of a scale set, and its way to the instances. */
import type { Arm } from "../azure/arm";
import { COMPUTE_API, type ScaleSet } from "../azure/compute";
import type { MachineId } from "./machine_id";
import type { Operation } from "./use_operation";

export function getScaleSet(arm: Arm, id: string, signal?: AbortSignal): Promise<ScaleSet> {
  return arm.call<ScaleSet>(id, COMPUTE_API, { signal });
}

/** Whether a change of the model reaches the instances by itself. */
export function isAutomatic(scaleSet: ScaleSet): boolean {
  return ["automatic", "rolling"].includes((scaleSet.properties.upgradePolicy?.mode ?? "Manual").toLowerCase());
}

/** Switches boot diagnostics on or off in the model; the instances get it when they are upgraded. */
export function modelOperation(arm: Arm, scaleSet: MachineId, enabled: boolean): Operation {
  const virtualMachineProfile = { diagnosticsProfile: { bootDiagnostics: { enabled } } };
  return {
    doing: `Updating the model of ${scaleSet.name}`,
    done: `Boot diagnostics are ${enabled ? "enabled" : "disabled"} in the model of ${scaleSet.name}. Upgrade its instances to it.`,
    work: () => arm.call(scaleSet.id, COMPUTE_API, { method: "PATCH", body: { properties: { virtualMachineProfile } } }),
  };
}

/** Brings the model as it is now to some instances, or to all. */
export function upgradeOperation(arm: Arm, scaleSet: MachineId, instances: readonly string[] | "all"): Operation {
  const what = instances === "all" ? `all instances of ${scaleSet.name}` : instancesText(scaleSet.name, instances);
  return {
    doing: `Upgrading ${what}`,
    done: `The latest model has been applied to ${what}.`,
    work: () =>
      arm.call(`${scaleSet.id}/manualupgrade`, COMPUTE_API, { method: "POST", body: { instanceIds: instances === "all" ? ["*"] : instances } }),
  };
}

/** What some instances are called: `web/0`, or `2 instances of web`. */
export function instancesText(scaleSet: string, instances: readonly string[]): string {
  return instances.length === 1 ? `${scaleSet}/${instances[0]}` : `${instances.length} instances of ${scaleSet}`;
}
