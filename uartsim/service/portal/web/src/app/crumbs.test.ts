import assert from "node:assert/strict";
import { test } from "node:test";
import { crumbsOf } from "./crumbs";

const COMPUTE = "/subscriptions/1111/resourceGroups/machines/providers/Microsoft.Compute";

test("a console's breadcrumb leads by its machine to all resources", () => {
  const id = `${COMPUTE}/virtualMachines/linux1`;
  assert.deepEqual(crumbsOf({ view: "resource", id, blade: "console", alone: false, watch: false }, "Serial Console (Preview)"), [
    { text: "All resources", href: "#/" },
    { text: "linux1", href: `#/resource${id}` },
    { text: "Serial Console (Preview)", href: null },
  ]);
});

test("an instance is reached by its scale set and the list of instances", () => {
  const scaleSet = `${COMPUTE}/virtualMachineScaleSets/web`;
  const route = { view: "resource", id: `${scaleSet}/virtualMachines/0`, blade: "overview", alone: false, watch: false } as const;
  assert.deepEqual(crumbsOf(route, "Serial console"), [
    { text: "All resources", href: "#/" },
    { text: "web", href: `#/resource${scaleSet}` },
    { text: "Instances", href: `#/resource${scaleSet}!instances` },
    { text: "0", href: null },
  ]);
});

test("all resources are where the way begins", () => {
  assert.deepEqual(crumbsOf({ view: "resources" }, "Serial console"), [{ text: "All resources", href: null }]);
});
