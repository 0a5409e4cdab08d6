import assert from "node:assert/strict";
import { test } from "node:test";
import { FullResets } from "./full_reset";

test("a full reset, also one that is split over chunks, becomes one that keeps the scroll-back", () => {
  const whole = new FullResets().replace("a\x1bcb");
  assert.ok(!whole.includes("\x1bc") && whole.startsWith("a") && whole.endsWith("\x1b[2J\x1b[Hb"));
  const split = new FullResets();
  assert.equal(split.replace("a\x1b") + split.replace("cb"), whole);
});

test("other sequences stay as they are, and a reset of the guest drops an unfinished one", () => {
  const resets = new FullResets();
  assert.equal(resets.replace("\x1b[31mred\x1b") + resets.replace("[m"), "\x1b[31mred\x1b[m");
  resets.replace("\x1b");
  resets.end();
  assert.equal(resets.replace("c"), "c");
});
