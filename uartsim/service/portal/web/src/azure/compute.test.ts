import assert from "node:assert/strict";
import { test } from "node:test";
import { osTypeOf, powerState } from "./compute";

test("the power state is Azure's word, and a text", () => {
  const statuses = [{ code: "ProvisioningState/succeeded" }, { code: "PowerState/deallocated", displayStatus: "VM deallocated" }];
  assert.deepEqual(powerState({ statuses }), { code: "deallocated", text: "Stopped (deallocated)", failure: null });
});

test("a machine that failed to start says why", () => {
  const statuses = [{ code: "PowerState/stopped", level: "Error", message: "QEMU is not installed." }];
  assert.equal(powerState({ statuses }).failure, "QEMU is not installed.");
});

test("without an instance view the power state is unknown", () => {
  assert.equal(powerState(undefined).code, "unknown");
  assert.equal(powerState({ statuses: [{ code: "PowerState/hibernated", displayStatus: "VM hibernated" }] }).text, "VM hibernated");
});

test("the system is what the disk says, else what was configured", () => {
  assert.equal(osTypeOf({ osDisk: { osType: "Windows" } }, { linuxConfiguration: {} }), "Windows");
  assert.equal(osTypeOf(undefined, { windowsConfiguration: {} }), "Windows");
  assert.equal(osTypeOf({}, undefined), null);
});
