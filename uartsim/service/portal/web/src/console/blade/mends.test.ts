import assert from "node:assert/strict";
import { test } from "node:test";
import type { Arm, CallOptions } from "../../azure/arm";
import { mendFor } from "./mends";

const SUBSCRIPTION = "/subscriptions/1111";
const COMPUTE = `${SUBSCRIPTION}/resourceGroups/machines/providers/Microsoft.Compute`;
const VM = `${COMPUTE}/virtualMachines/linux1`;
const SCALE_SET = `${COMPUTE}/virtualMachineScaleSets/web`;

/** An ARM that writes down what is asked of it. */
function recorder(answers: Record<string, unknown> = {}): { arm: Arm; calls: string[] } {
  const calls: string[] = [];
  const arm = {
    async call(path: string, _: string, options: CallOptions = {}) {
      calls.push(`${options.method ?? "GET"} ${path}${options.body === undefined ? "" : ` ${JSON.stringify(options.body)}`}`);
      return answers[path];
    },
    async list(path: string) {
      calls.push(`LIST ${path}`);
      return answers[path];
    },
  };
  return { arm: arm as unknown as Arm, calls };
}

async function callsOf(rule: string, machine = VM, answers: Record<string, unknown> = {}): Promise<string[]> {
  const { arm, calls } = recorder(answers);
  await mendFor(rule, arm, machine)?.act();
  return calls;
}

test("a machine that is off is started", async () => {
  assert.deepEqual(await callsOf("running"), [`POST ${VM}/start`]);
});

test("boot diagnostics are enabled on a machine, and by the model and an upgrade on an instance", async () => {
  assert.deepEqual(await callsOf("boot-diagnostics"), [
    `PATCH ${VM} {"properties":{"diagnosticsProfile":{"bootDiagnostics":{"enabled":true}}}}`,
  ]);
  assert.deepEqual(await callsOf("boot-diagnostics", `${SCALE_SET}/virtualMachines/2`, { [SCALE_SET]: { properties: {} } }), [
    `GET ${SCALE_SET}`,
    `PATCH ${SCALE_SET} {"properties":{"virtualMachineProfile":{"diagnosticsProfile":{"bootDiagnostics":{"enabled":true}}}}}`,
    `POST ${SCALE_SET}/manualupgrade {"instanceIds":["2"]}`,
  ]);
});

test("an instance whose model is right already is only upgraded", async () => {
  const scaleSet = { properties: { virtualMachineProfile: { diagnosticsProfile: { bootDiagnostics: { enabled: true } } } } };
  assert.deepEqual(await callsOf("boot-diagnostics", `${SCALE_SET}/virtualMachines/2`, { [SCALE_SET]: scaleSet }), [
    `GET ${SCALE_SET}`,
    `POST ${SCALE_SET}/manualupgrade {"instanceIds":["2"]}`,
  ]);
});

test("the console of the subscription and the serial port are enabled", async () => {
  assert.deepEqual(await callsOf("console-enabled"), [
    `POST ${SUBSCRIPTION}/providers/Microsoft.SerialConsole/consoleServices/default/enableConsole`,
  ]);
  assert.deepEqual(await callsOf("port-enabled"), [
    `PUT ${VM}/providers/Microsoft.SerialConsole/serialPorts/0 {"properties":{"state":"enabled"}}`,
  ]);
});

test("the firewall is opened of the account that the machine's boot diagnostics name", async () => {
  const accounts = `${SUBSCRIPTION}/providers/Microsoft.Storage/storageAccounts`;
  const answers = {
    [VM]: { properties: { diagnosticsProfile: { bootDiagnostics: { enabled: true, storageUri: "https://lablogs.blob.core.windows.net/" } } } },
    [accounts]: [
      { id: "/other", name: "other" },
      { id: "/lab", name: "LabLogs" },
    ],
  };
  const calls = await callsOf("storage-firewall", VM, answers);
  assert.equal(calls[2], 'PATCH /lab {"properties":{"networkAcls":{"defaultAction":"Allow"},"publicNetworkAccess":"Enabled"}}');
  await assert.rejects(callsOf("storage-firewall", VM, { ...answers, [accounts]: [] }), /cannot see the storage account lablogs/);
});

test("what only a person can mend has no button", () => {
  for (const rule of ["role", "multi-factor", "found", null]) assert.equal(mendFor(rule, recorder().arm, VM), null);
});
