import assert from "node:assert/strict";
import { test } from "node:test";
import { nextPiece, OutputQueue } from "./output_queue";

/** A writer whose pieces are parsed when the test says so. */
function writer() {
  const pieces: string[] = [];
  let parsed: (() => void) | undefined;
  const queue = new OutputQueue((text, done) => {
    assert.equal(parsed, undefined, "One piece at a time.");
    pieces.push(text);
    parsed = done;
  });
  const parse = () => {
    const done = parsed;
    parsed = undefined;
    done?.();
    return done !== undefined;
  };
  return { queue, pieces, parse };
}

test("a long output is written in pieces, one after the other, and nothing is lost", async () => {
  const { queue, pieces, parse } = writer();
  const text = Array.from({ length: 50_000 }, (_, index) => `${index}\n`).join("");
  const written = queue.push(text);
  while (parse());
  await written;
  assert.ok(pieces.length > 2);
  assert.equal(pieces.join(""), text);
});

test("a push resolves only when all of it has been parsed", async () => {
  const { queue, parse } = writer();
  let isDone = false;
  const written = queue.push("x".repeat(20_000)).then(() => (isDone = true));
  parse();
  await Promise.resolve();
  assert.equal(isDone, false);
  while (parse());
  await written;
  assert.equal(isDone, true);
});

test("short outputs that wait are written as one piece", () => {
  const { queue, pieces, parse } = writer();
  for (const text of ["a", "b", "c"]) void queue.push(text);
  parse();
  assert.deepEqual(pieces, ["a", "bc"]);
});

test("a step is done after what was pushed before it and before what was pushed after it", () => {
  const { queue, pieces, parse } = writer();
  const seen: string[] = [];
  void queue.push("a");
  queue.step(() => seen.push(`step after ${pieces.join("")}`));
  void queue.push("b");
  assert.deepEqual(seen, []);
  parse();
  assert.deepEqual(seen, ["step after a"]);
  assert.deepEqual(pieces, ["a", "b"]);
});

test("a queue that is closed resolves what waits and takes no more", async () => {
  const { queue, pieces, parse } = writer();
  void queue.push("a");
  const waiting = queue.push("b");
  queue.close();
  await waiting;
  await queue.push("c");
  parse();
  assert.deepEqual(pieces, ["a"]);
});

test("pieces shrink when parsing is slow and grow when it is fast", () => {
  assert.ok(nextPiece(16_384, 2000) <= 256);
  assert.equal(nextPiece(16_384, 1), 32_768);
  assert.equal(nextPiece(65_536, 1), 65_536);
  assert.equal(nextPiece(16_384, 10), 16_384);
});
