import assert from "node:assert/strict";
import { test } from "node:test";
import { filterRows, machineRow, scaleSetRow, sortRows, type ResourceRow } from "./resource_list";

const LAB = { id: "/subscriptions/1111", subscriptionId: "1111", displayName: "Lab" };
const COMPUTE = "/subscriptions/1111/resourceGroups/Machines/providers/Microsoft.Compute";

function vm(name: string, code = "running", osType = "Linux"): ResourceRow {
  const statuses = [{ code: `PowerState/${code}` }];
  const properties = { storageProfile: { osDisk: { osType } }, instanceView: { statuses } };
  return machineRow({ id: `${COMPUTE}/virtualMachines/${name}`, name, type: "", location: "westeurope", properties }, LAB);
}

function names(rows: readonly ResourceRow[]): string[] {
  return rows.map((row) => row.name);
}

const WEB = scaleSetRow(
  { id: `${COMPUTE}/virtualMachineScaleSets/web`, name: "web", type: "", location: "northeurope", sku: { capacity: 2 }, properties: {} },
  LAB,
);
const ROWS = [vm("web10"), vm("web2"), vm("Db1", "deallocated", "Windows"), WEB];

test("a row has what is shown of a machine, and of a scale set", () => {
  const machine = vm("linux1", "deallocated");
  assert.deepEqual([machine.group, machine.os, machine.status], ["Machines", "Linux", "Stopped (deallocated)"]);
  assert.deepEqual([WEB.status, WEB.power], ["2 instances", null]);
});

test("a filter looks for all words, in whatever case, and for the kind", () => {
  assert.deepEqual(names(filterRows(ROWS, "  WINDOWS dealloc ", "all")), ["Db1"]);
  assert.deepEqual(names(filterRows(ROWS, "web", "scaleSet")), ["web"]);
  assert.deepEqual(names(filterRows(ROWS, "northeurope lab", "all")), ["web"]);
  assert.deepEqual(names(filterRows(ROWS, "", "all")), names(ROWS));
  assert.deepEqual(filterRows(ROWS, "<b>", "all"), []);
});

test("numbers in names are in their order, and equal rows in that of their names", () => {
  assert.deepEqual(names(sortRows(ROWS, "name", "ascending")), ["Db1", "web", "web2", "web10"]);
  assert.deepEqual(names(sortRows(ROWS, "status", "descending")), ["Db1", "web2", "web10", "web"]);
});
