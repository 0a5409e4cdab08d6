import assert from "node:assert/strict";
import { test } from "node:test";
import { ArmError } from "../azure/arm_error";
import { loadResources, RefusedLists } from "./load_resources";

const LAB = { id: "/subscriptions/1", subscriptionId: "1", displayName: "Lab" };
const VM1 = {
  id: "/subscriptions/1/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/vm1",
  name: "vm1",
  type: "Microsoft.Compute/virtualMachines",
  location: "westeurope",
  properties: {},
};

/** The management REST for a user who may read one machine only; notes the paths of the lists that it refuses. */
function oneMachine(refusals: string[]): Parameters<typeof loadResources>[0] {
  return {
    async list<T>(path: string): Promise<T[]> {
      if (path.includes("/Microsoft.Compute/")) {
        refusals.push(path.slice(path.lastIndexOf("/") + 1));
        throw new ArmError(403, "AuthorizationFailed", "no");
      }
      return (path === "/subscriptions" ? [LAB] : [VM1]) as T[];
    },
    async call<T>(): Promise<T> {
      return VM1 as T;
    },
  };
}

test("a list that was refused is asked for again only after a minute, and its machines are shown all the same", async () => {
  const refusals: string[] = [];
  const arm = oneMachine(refusals);
  let now = 1000;
  const refused = new RefusedLists(() => now);
  for (const later of [0, 5_000, 54_000]) {
    now += later;
    const { rows } = await loadResources(arm, refused, new AbortController().signal);
    assert.deepEqual(rows.map((row) => row.name), ["vm1"]);
  }
  assert.deepEqual(refusals, ["virtualMachines", "virtualMachineScaleSets"]);
  now += 1_001;
  await loadResources(arm, refused, new AbortController().signal);
  assert.equal(refusals.length, 4);
});
