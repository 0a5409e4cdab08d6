/** What these pages read of machines and scale sets, beyond their state. */
import type { Arm } from "../azure/arm";
import { COMPUTE_API, type ScaleSet, type VirtualMachine } from "../azure/compute";

export interface BootDiagnostics {
  readonly isEnabled: boolean;
  /** The name of the storage account; null for storage that Azure manages. */
  readonly account: string | null;
}

const WITH_VIEW = { $expand: "instanceView" };

/** A machine or an instance, with its instance view. */
export function getMachine(arm: Arm, id: string, signal?: AbortSignal): Promise<VirtualMachine> {
  return arm.call<VirtualMachine>(id, COMPUTE_API, { query: WITH_VIEW, signal });
}

/** The instances of a scale set, with their instance views. */
export function listInstances(arm: Arm, scaleSetId: string, signal?: AbortSignal): Promise<VirtualMachine[]> {
  return arm.list<VirtualMachine>(`${scaleSetId}/virtualMachines`, COMPUTE_API, signal, WITH_VIEW);
}

/** Boot diagnostics of a machine, or of the model of a scale set; off if nothing is said of them. */
export function bootDiagnosticsOf(resource: VirtualMachine | ScaleSet): BootDiagnostics {
  const properties: VirtualMachine["properties"] & ScaleSet["properties"] = resource.properties;
  const settings = (properties.virtualMachineProfile ?? properties).diagnosticsProfile?.bootDiagnostics;
  const uri = settings?.storageUri ?? null;
  return { isEnabled: settings?.enabled === true, account: uri === null ? null : (/^https?:\/\/([^./]+)/.exec(uri)?.[1] ?? uri) };
}

/** "On, in the storage account bootlogs": boot diagnostics in words. */
export function diagnosticsText({ isEnabled, account }: BootDiagnostics): string {
  if (!isEnabled) return "Off";
  return account === null ? "On, with managed storage" : `On, in the storage account ${account}`;
}

/** The boot diagnostics of a machine as they are set; a `storageUri` of null: managed storage. */
export interface BootDiagnosticsSettings {
  readonly enabled: boolean;
  readonly storageUri?: string | null;
}

/** @throws ArmError they were not set, and why. */
export function setBootDiagnostics(arm: Arm, machineId: string, bootDiagnostics: BootDiagnosticsSettings): Promise<void> {
  return arm.call(machineId, COMPUTE_API, { method: "PATCH", body: { properties: { diagnosticsProfile: { bootDiagnostics } } } });
}
