import assert from "node:assert/strict";
import { test } from "node:test";
import { backOffMs, pause, retryAfterMs } from "./pause";

test("Retry-After is read in seconds and as a date, within bounds", () => {
  const now = Date.parse("Sat, 28 Nov 2026 10:00:00 GMT");
  assert.equal(retryAfterMs("2", now), 2000);
  assert.equal(retryAfterMs("Sat, 28 Nov 2026 10:00:05 GMT", now), 5000);
  assert.equal(retryAfterMs("0", now), 200);
  assert.equal(retryAfterMs("999999", now), 300_000);
  assert.equal(retryAfterMs("soon", now), null);
  assert.equal(retryAfterMs(null, now), null);
});

test("each failure doubles the wait, up to the longest", () => {
  assert.deepEqual([1, 2, 3, 4, 50].map((failures) => backOffMs(failures, 1000, 5000)), [1000, 2000, 4000, 5000, 5000]);
});

test("a pause ends with its signal, for the signal's reason", async () => {
  const reason = new Error("left");
  await assert.rejects(pause(60_000, AbortSignal.abort(reason)), reason);
  const ended = new AbortController();
  const waiting = pause(60_000, ended.signal);
  ended.abort(reason);
  await assert.rejects(waiting, reason);
});
