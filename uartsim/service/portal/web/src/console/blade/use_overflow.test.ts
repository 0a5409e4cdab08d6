import assert from "node:assert/strict";
import { test } from "node:test";
import { fitting } from "./use_overflow";

test("as many items are shown as have room, from the first on", () => {
  const widths = [40, 30, 30];
  assert.deepEqual([100, 99, 69, 39, -10].map((room) => fitting(widths, room)), [3, 2, 1, 0, 0]);
});
