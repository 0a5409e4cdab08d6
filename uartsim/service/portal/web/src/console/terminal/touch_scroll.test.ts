import assert from "node:assert/strict";
import { test } from "node:test";
import { linesOfWay } from "./touch_scroll";

test("a finger scrolls by whole lines and keeps what is left", () => {
  assert.deepEqual(linesOfWay(35, 16), { lines: 2, left_px: 3 });
  assert.deepEqual(linesOfWay(-20, 16), { lines: -1, left_px: -4 });
  assert.deepEqual(linesOfWay(-3, 16), { lines: 0, left_px: -3 });
});
