import assert from "node:assert/strict";
import { test } from "node:test";
import { fitCommand } from "./fit_command";

test("the fit command sets rows and columns, begins with a blank and ends with Enter", () => {
  assert.equal(fitCommand(132, 43), " stty rows 43 cols 132\r");
});

test("a size that is no size is refused", () => {
  for (const count of [0, -1, 1.5, NaN, 10_000]) {
    assert.throws(() => fitCommand(count, 24), RangeError);
    assert.throws(() => fitCommand(80, count), RangeError);
  }
});
