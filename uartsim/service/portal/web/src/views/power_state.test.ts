import assert from "node:assert/strict";
import { test } from "node:test";
import type { VirtualMachine } from "../azure/compute";
import { stateOf, whyNot } from "./power_state";

function machine(code: string, provisioningState: string): VirtualMachine {
  const instanceView = { statuses: [{ code: "ProvisioningState/succeeded" }, { code, level: "Info", displayStatus: "" }] };
  return { id: "/x", name: "x", type: "", location: "", properties: { provisioningState, instanceView } };
}

test("what is done to a machine is told beside its power", () => {
  assert.deepEqual([stateOf(machine("PowerState/running", "Succeeded")).text, stateOf(machine("PowerState/running", "Succeeded")).isBusy], ["Running", false]);
  assert.deepEqual([stateOf(machine("PowerState/running", "Updating")).text, stateOf(machine("PowerState/running", "Updating")).isBusy], ["Running (updating)", true]);
});

test("commands apply where they change something", () => {
  const allowed = (power: string): string[] =>
    (["start", "restart", "reset", "powerOff", "deallocate"] as const).filter((command) => whyNot(command, power) === null);
  assert.deepEqual(allowed("running"), ["restart", "reset", "powerOff", "deallocate"]);
  assert.deepEqual(allowed("stopped"), ["start", "deallocate"]);
  assert.deepEqual(allowed("deallocated"), ["start"]);
  assert.deepEqual(allowed("unknown"), ["start", "restart", "reset", "powerOff", "deallocate"]);
});
