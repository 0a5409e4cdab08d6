/** What the page can do itself about a refused console: a button for each rule that a call of the management REST cures. */
import type { Arm } from "../../azure/arm";
import { COMPUTE_API, type VirtualMachine } from "../../azure/compute";
import { machineName, readMachineId, type MachineId } from "../../views/machine_id";
import { bootDiagnosticsOf, setBootDiagnostics, type BootDiagnosticsSettings } from "../../views/machine_model";
import { getScaleSet, modelOperation, upgradeOperation } from "../../views/scale_set_model";
import { SERIAL_CONSOLE_VERSION, serialPortPath } from "../connection/browser_ports";

const STORAGE_VERSION = "2023-01-01";

/** One way to mend it. */
export interface Mend {
  /** What the button says. */
  readonly text: string;
  /** Its accessible name, which begins with the text and says what it is done to. */
  readonly label: string;
  /** What is going on while it is done. */
  readonly doing: string;
  /** Does it; the console can be connected to afterwards. @throws ArmError */
  act(): Promise<void>;
}

/** Starts a machine. */
export function startMend(arm: Arm, machineId: string): Mend {
  return {
    text: "Start",
    label: `Start ${machineName(machineId)}`,
    doing: `Starting ${machineName(machineId)}`,
    act: () => arm.call(`${machineId}/start`, COMPUTE_API, { method: "POST" }),
  };
}

/**
 * The mend for what a rule has refused.
 *
 * @param rule the rule's id, as the header `x-uartsim-rule` has it.
 * @returns null where only a person can mend it, such as a role that is missing.
 */
export function mendFor(rule: string | null, arm: Arm, machineId: string): Mend | null {
  const machine = readMachineId(machineId);
  if (machine === null) return null;
  const scaleSet = machine.scaleSetId === null ? null : readMachineId(machine.scaleSetId);
  switch (rule) {
    case "running":
      return startMend(arm, machineId);
    case "boot-diagnostics":
      return scaleSet === null
        ? diagnosticsMend("Enable boot diagnostics", arm, machineId, { enabled: true })
        : instanceMend(arm, scaleSet, machineId);
    case "console-enabled":
      return {
        text: "Enable the serial console for the subscription",
        label: "Enable the serial console for the subscription",
        doing: "Enabling the serial console for the subscription",
        act: () =>
          arm.call(`/subscriptions/${machine.subscriptionId}/providers/Microsoft.SerialConsole/consoleServices/default/enableConsole`, SERIAL_CONSOLE_VERSION, {
            method: "POST",
          }),
      };
    case "port-enabled":
      return {
        text: "Enable the serial port",
        label: `Enable the serial port for ${machineName(machineId)}`,
        doing: "Enabling the serial port",
        act: () => arm.call(serialPortPath(machineId), SERIAL_CONSOLE_VERSION, { method: "PUT", body: { properties: { state: "enabled" } } }),
      };
    case "storage-firewall":
      return {
        text: "Open the storage account's firewall",
        label: `Open the storage account's firewall for ${machineName(machineId)}`,
        doing: "Opening the storage account's firewall",
        act: () => openFirewall(arm, machine),
      };
    case "storage-uri":
    case "storage-exists":
    case "storage-role":
    case "storage-namespace":
    case "storage-writable":
      return scaleSet === null
        ? diagnosticsMend("Use managed storage for boot diagnostics", arm, machineId, { enabled: true, storageUri: null })
        : null;
    default:
      return null;
  }
}

function diagnosticsMend(text: string, arm: Arm, machineId: string, bootDiagnostics: BootDiagnosticsSettings): Mend {
  return {
    text,
    label: `${text} for ${machineName(machineId)}`,
    doing: "Changing the boot diagnostics",
    act: () => setBootDiagnostics(arm, machineId, bootDiagnostics),
  };
}

/** As the documents have it: update the model of the scale set, then upgrade the instance to it. */
function instanceMend(arm: Arm, scaleSet: MachineId, machineId: string): Mend {
  const text = "Enable boot diagnostics and upgrade the instance";
  return {
    text,
    label: `${text} for ${machineName(machineId)}`,
    doing: "Updating the scale set's model and upgrading the instance",
    async act() {
      const { isEnabled } = bootDiagnosticsOf(await getScaleSet(arm, scaleSet.id));
      if (!isEnabled) await modelOperation(arm, scaleSet, true).work();
      await upgradeOperation(arm, scaleSet, [machineId.slice(machineId.lastIndexOf("/") + 1)]).work();
    },
  };
}

async function openFirewall(arm: Arm, { id, subscriptionId }: MachineId): Promise<void> {
  const machine = await arm.call<VirtualMachine>(id, COMPUTE_API);
  const uri = machine.properties.diagnosticsProfile?.bootDiagnostics?.storageUri ?? "";
  const account = new URL(uri).hostname.split(".")[0];
  const accounts = await arm.list<{ id: string; name: string }>(
    `/subscriptions/${subscriptionId}/providers/Microsoft.Storage/storageAccounts`,
    STORAGE_VERSION,
  );
  const found = accounts.find(({ name }) => name.toLowerCase() === account?.toLowerCase());
  if (found === undefined) throw new Error(`You cannot see the storage account ${account}: ask its owner to open its firewall.`);
  await arm.call(found.id, STORAGE_VERSION, {
    method: "PATCH",
    body: { properties: { networkAcls: { defaultAction: "Allow" }, publicNetworkAccess: "Enabled" } },
  });
}
