/** Machines as the management REST shows them (Microsoft.Compute), as far as the page needs them. */
export const COMPUTE_API = "2024-07-01";

/** One status of an instance view, such as `PowerState/running`. */
interface InstanceStatus {
  readonly code: string;
  readonly level?: string;
  readonly displayStatus?: string;
  readonly message?: string;
}

interface InstanceView {
  readonly osName?: string;
  readonly osVersion?: string;
  readonly statuses?: readonly InstanceStatus[];
}

interface DiagnosticsProfile {
  readonly bootDiagnostics?: { readonly enabled?: boolean; readonly storageUri?: string };
}

interface OsProfile {
  readonly computerName?: string;
  readonly linuxConfiguration?: object;
  readonly windowsConfiguration?: object;
}

interface StorageProfile {
  readonly osDisk?: { readonly osType?: string; readonly name?: string };
}

/** A virtual machine, or an instance of a scale set, whose `instanceId` is its number. */
export interface VirtualMachine {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly location: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly instanceId?: string;
  readonly properties: {
    readonly provisioningState?: string;
    readonly hardwareProfile?: { readonly vmSize?: string };
    readonly osProfile?: OsProfile;
    readonly storageProfile?: StorageProfile;
    readonly diagnosticsProfile?: DiagnosticsProfile;
    readonly instanceView?: InstanceView;
    /** Of an instance: whether it has the present model of its scale set. */
    readonly latestModelApplied?: boolean;
  };
}

export interface ScaleSet {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly location: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly sku?: { readonly name?: string; readonly capacity?: number };
  readonly properties: {
    readonly provisioningState?: string;
    readonly upgradePolicy?: { readonly mode?: string };
    readonly virtualMachineProfile?: {
      readonly osProfile?: OsProfile;
      readonly storageProfile?: StorageProfile;
      readonly diagnosticsProfile?: DiagnosticsProfile;
    };
  };
}

export type OsType = "Linux" | "Windows";

/** What is known of a machine's power: Azure's word, and what it means. */
export interface PowerState {
  /** `running`, `starting`, `stopping`, `stopped`, `deallocating`, `deallocated` or `unknown`. */
  readonly code: string;
  /** For a person: `Running`, `Stopped (deallocated)`. */
  readonly text: string;
  /** Why it is not as it should be; null if nothing is wrong. */
  readonly failure: string | null;
}

const POWER_TEXTS: Readonly<Record<string, string>> = {
  running: "Running",
  starting: "Starting",
  stopping: "Stopping",
  stopped: "Stopped",
  deallocating: "Deallocating",
  deallocated: "Stopped (deallocated)",
};

/** The power state that an instance view tells. */
export function powerState(view: InstanceView | undefined): PowerState {
  const status = view?.statuses?.find((one) => one.code.startsWith("PowerState/"));
  const code = status?.code.slice("PowerState/".length) ?? "unknown";
  return {
    code,
    text: POWER_TEXTS[code] ?? (status?.displayStatus || "Unknown"),
    failure: status?.level === "Error" ? (status.message ?? null) : null,
  };
}

/** Which system a machine has: as its disk says, else as it was configured; null if neither tells. */
export function osTypeOf(storage: StorageProfile | undefined, os: OsProfile | undefined): OsType | null {
  const told = storage?.osDisk?.osType;
  if (told === "Linux" || told === "Windows") return told;
  if (os?.windowsConfiguration !== undefined) return "Windows";
  return os?.linuxConfiguration !== undefined ? "Linux" : null;
}
