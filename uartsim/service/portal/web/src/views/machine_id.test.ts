import assert from "node:assert/strict";
import { test } from "node:test";
import { readMachineId } from "./machine_id";

const GROUP = "/subscriptions/1111/resourceGroups/machines/providers/Microsoft.Compute";

test("a machine, a scale set and an instance are told apart, in any case", () => {
  const machine = readMachineId(`${GROUP}/virtualMachines/linux1`);
  assert.deepEqual([machine?.kind, machine?.name, machine?.resourceGroup, machine?.subscriptionId], ["virtualMachine", "linux1", "machines", "1111"]);
  assert.equal(readMachineId(`${GROUP}/virtualMachineScaleSets/web`.toUpperCase())?.kind, "scaleSet");
  const instance = readMachineId(`${GROUP}/virtualMachineScaleSets/web/virtualMachines/0`);
  assert.equal(instance?.name, "web/0");
  assert.equal(instance?.scaleSetId, `${GROUP}/virtualMachineScaleSets/web`);
});

test("anything else is none", () => {
  for (const id of ["", GROUP, `${GROUP}/disks/d`, `${GROUP}/virtualMachines/a/virtualMachines/0`, `${GROUP}/virtualMachines/a/extensions/b`]) {
    assert.equal(readMachineId(id), null);
  }
});
