import assert from "node:assert/strict";
import { test } from "node:test";
import { boundLineCounts, isFocusReport, Rate, statusReport } from "./guest_sequences";

test("the cursor's position is answered by row and column", () => {
  assert.equal(statusReport(6, "", 80, 24), "\x1b[24;80R");
  assert.equal(statusReport(6, "?", 1, 2), "\x1b[?2;1R");
  assert.equal(statusReport(5, "", 1, 1), "\x1b[0n");
});

test("other status reports are not answered", () => {
  assert.equal(statusReport(5, "?", 1, 1), null);
  assert.equal(statusReport(996, "?", 1, 1), null);
  assert.equal(statusReport([6], "", 1, 1), null);
});

test("answers to a flood of queries are few in any second", () => {
  let now_ms = 0;
  const rate = new Rate(3, () => now_ms);
  assert.deepEqual([1, 2, 3, 4].map(() => rate.allows()), [true, true, true, false]);
  now_ms = 999;
  assert.equal(rate.allows(), false);
  now_ms = 1000;
  assert.equal(rate.allows(), true);
});

test("focus reports are known, cursor keys are not taken for them", () => {
  assert.ok(isFocusReport("\x1b[I"));
  assert.ok(isFocusReport("\x1b[O"));
  assert.ok(!isFocusReport("\x1bOA"));
});

test("counts of lines beyond the rows of the screen are those of the rows", () => {
  assert.equal(boundLineCounts("\x1b[500L\x1b[24M\x1b[99999999999S\x1b[500C\x1b[L", 24), "\x1b[24L\x1b[24M\x1b[24S\x1b[500C\x1b[L");
});
