/** The power of a machine in words, and which power operations apply to it. */
import { powerState, type PowerState, type VirtualMachine } from "../azure/compute";

const SETTLED = ["Succeeded", "Failed", "Canceled"];

interface MachineState extends PowerState {
  /** Something is being done to it. */
  readonly isBusy: boolean;
}

/** The state of a machine: "Running", or "Running (updating)" while something is done to it. */
export function stateOf(machine: VirtualMachine): MachineState {
  const power = powerState(machine.properties.instanceView);
  const provisioning = machine.properties.provisioningState ?? "Succeeded";
  const isBusy = !SETTLED.includes(provisioning);
  return { ...power, text: isBusy ? `${power.text} (${provisioning.toLowerCase()})` : power.text, isBusy };
}

export type PowerCommand = "start" | "restart" | "reset" | "powerOff" | "deallocate";

/** Why a command does not apply to a machine whose power has this code, as a sentence; null if it does. */
export function whyNot(command: PowerCommand, power: string): string | null {
  const runs = power === "running" || power === "starting";
  if (command === "start") return runs ? "The machine is already running." : null;
  if (command === "deallocate") return power === "deallocated" ? "The machine is already deallocated." : null;
  return runs || power === "unknown" ? null : "The machine is not running: start it first.";
}
