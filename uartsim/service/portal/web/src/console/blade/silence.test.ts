import assert from "node:assert/strict";
import { test } from "node:test";
import { SilenceWatch } from "./silence";

/** A watch with a clock that the test plays. */
function played(): { watch: SilenceWatch; told: string[]; pass(): void } {
  let due: (() => void) | null = null;
  const told: string[] = [];
  const after = (_: number, action: () => void): (() => void) => {
    due = action;
    return () => (due = null);
  };
  return { watch: new SilenceWatch(after, (silence) => told.push(silence)), told, pass: () => due?.() };
}

test("a console that says nothing after it was connected is told, until it speaks", () => {
  const { watch, told, pass } = played();
  watch.connected();
  assert.deepEqual(told, []);
  pass();
  watch.heard();
  assert.deepEqual(told, ["no-output", "none"]);
});

test("a console that has spoken is not silent because it is connected again", () => {
  const { watch, told, pass } = played();
  watch.connected();
  watch.heard();
  watch.disconnected();
  watch.connected();
  pass();
  assert.deepEqual(told, []);
});

test("Enter without an answer is told, a letter without an echo is not: passwords have none", () => {
  const { watch, told, pass } = played();
  watch.heard();
  watch.typed("s");
  pass();
  assert.deepEqual(told, []);
  watch.typed("\r");
  pass();
  assert.deepEqual(told, ["no-answer"]);
});
