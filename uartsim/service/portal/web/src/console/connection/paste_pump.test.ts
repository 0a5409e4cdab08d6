import assert from "node:assert/strict";
import { test } from "node:test";
import { lineSeconds, PastePump, utf8Length } from "./paste_pump";

test("at most 4 KB are on their way, and every character arrives once, in order, whole", () => {
  const text = "äöü€😀x".repeat(3000);
  const sent: string[] = [];
  const pump = new PastePump(text, 7, (piece) => sent.push(piece) > 0);
  let onTheLine = 7;
  for (let turn = 0; !pump.isDone; turn += 1) {
    assert.ok(turn < 1000, "the paste does not come to its end");
    assert.ok(pump.pump(onTheLine));
    const out = utf8Length(sent.join("")) + 7;
    assert.ok(out - onTheLine <= 4096);
    onTheLine = Math.min(out, onTheLine + 1500);
    pump.pump(onTheLine);
  }
  assert.equal(sent.join(""), text);
  assert.ok(sent.every((piece) => !/^[\uDC00-\uDFFF]/.test(piece)), "a character was cut");
});

test("the progress is what the line has taken, and never goes back", () => {
  const pump = new PastePump("x".repeat(10_000), 0, () => true);
  pump.pump(0);
  pump.pump(2000);
  assert.deepEqual(pump.progress, { bytes: 10_000, taken: 2000 });
  pump.pump(1000);
  assert.equal(pump.progress.taken, 2000);
});

test("a cancelled paste sends nothing more, and says how much was not sent", () => {
  const sent: string[] = [];
  const pump = new PastePump("x".repeat(10_000), 0, (piece) => sent.push(piece) > 0);
  pump.pump(0);
  assert.equal(pump.cancel(), 10_000 - 4096);
  pump.pump(4096);
  assert.equal(sent.join("").length, 4096);
});

test("a paste stops when the connection is gone", () => {
  const pump = new PastePump("x".repeat(10_000), 0, () => false);
  assert.equal(pump.pump(0), false);
  assert.equal(pump.isDone, false);
});

test("the time of a paste is that of its bits on the line", () => {
  assert.equal(lineSeconds(11_520, 115_200), 1);
});

test("a paste of 10 MB begins at once", () => {
  const text = "é".repeat(5_000_000);
  const begun_ms = performance.now();
  const pump = new PastePump(text, 0, () => true);
  assert.ok(pump.pump(0));
  assert.deepEqual(pump.progress, { bytes: 10_000_000, taken: 0 });
  // 15 s and more when each character is encoded by itself.
  assert.ok(performance.now() - begun_ms < 2000);
});
