import assert from "node:assert/strict";
import { test } from "node:test";
import { nextIndex } from "./roving";

test("arrow keys go around in their axis, Home and End to the ends", () => {
  assert.equal(nextIndex("ArrowRight", 2, 3, "row"), 0);
  assert.equal(nextIndex("ArrowLeft", 0, 3, "row"), 2);
  assert.equal(nextIndex("ArrowUp", -1, 3, "column"), 2);
  assert.equal(nextIndex("ArrowDown", -1, 3, "column"), 0);
  assert.equal(nextIndex("Home", 2, 3, "column"), 0);
  assert.equal(nextIndex("End", 0, 3, "row"), 2);
});

test("other keys, and those of the other axis, stay with the control", () => {
  assert.equal(nextIndex("ArrowDown", 0, 3, "row"), null);
  assert.equal(nextIndex("x", 0, 3, "column"), null);
  assert.equal(nextIndex("Home", -1, 0, "row"), null);
});
