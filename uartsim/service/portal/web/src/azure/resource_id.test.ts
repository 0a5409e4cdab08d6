import assert from "node:assert/strict";
import { test } from "node:test";
import { idKey, parseResourceId, SCALE_SET_INSTANCE, VIRTUAL_MACHINE } from "./resource_id";

const GROUP = "/subscriptions/1111/resourceGroups/machines";

test("the id of a machine has its parts", () => {
  assert.deepEqual(parseResourceId(`${GROUP}/providers/Microsoft.Compute/virtualMachines/linux1`), {
    subscriptionId: "1111",
    resourceGroup: "machines",
    type: VIRTUAL_MACHINE,
    name: "linux1",
    parentId: null,
  });
});

test("an instance names its scale set", () => {
  const scaleSet = `${GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web`;
  const parsed = parseResourceId(`${scaleSet}/virtualMachines/2`);
  assert.equal(parsed?.type, SCALE_SET_INSTANCE);
  assert.equal(parsed?.name, "2");
  assert.equal(parsed?.parentId, scaleSet);
});

test("what is no id of a resource has no parts", () => {
  for (const id of ["", GROUP, `${GROUP}/providers/Microsoft.Compute/virtualMachines`, "/a/b/c/d/e/f/g/h", `${GROUP}//Microsoft.Compute/virtualMachines/x/y`]) {
    assert.equal(parseResourceId(id), null, id);
  }
});

test("the case of an id does not count", () => {
  assert.equal(idKey(`${GROUP}/a`), idKey(`${GROUP.toUpperCase()}/A/`));
  assert.notEqual(idKey(`${GROUP}/a`), idKey(`${GROUP}/b`));
});
