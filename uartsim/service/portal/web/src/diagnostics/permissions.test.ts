import assert from "node:assert/strict";
import { test } from "node:test";
import { grants } from "./permissions";

const DISABLE = "Microsoft.SerialConsole/consoleServices/disableConsole/action";

test("actions with stars grant, and notActions take away from their own role only", () => {
  assert.equal(grants([{ actions: ["*"], notActions: [] }], DISABLE), true);
  assert.equal(grants([{ actions: ["microsoft.serialconsole/*/action"], notActions: [] }], DISABLE), true);
  assert.equal(grants([{ actions: ["*/read"], notActions: [] }], DISABLE), false);
  assert.equal(grants([{ actions: ["*"], notActions: [DISABLE] }], DISABLE), false);
  assert.equal(grants([{ actions: ["*"], notActions: [DISABLE] }, { actions: [DISABLE], notActions: [] }], DISABLE), true);
  assert.equal(grants([], DISABLE), false);
});
