import assert from "node:assert/strict";
import { test } from "node:test";
import { keepPreferences, readPreferences, type Preferences } from "./preferences";

function storage(text: string | null): { getItem(): string | null; setItem(key: string, value: string): void } {
  return { getItem: () => text, setItem: (_, value) => void (text = value) };
}

test("what is kept is read back", () => {
  const chosen: Preferences = { textSize: 20, size: { columns: 132, rows: 43 }, hasReadLogCaution: true };
  const kept = storage(null);
  keepPreferences(kept, chosen);
  assert.deepEqual(readPreferences(kept), chosen);
});

test("damaged preferences are as usual, and sizes stay within their limits", () => {
  const usual: Preferences = { textSize: 11, size: "window", hasReadLogCaution: false };
  for (const text of [null, "{", "null", "[]", '{"size":{"columns":1e9,"rows":1}}', '{"size":{"columns":80.5,"rows":24}}', '{"textSize":"x"}']) {
    assert.deepEqual(readPreferences(storage(text)), usual, String(text));
  }
  assert.equal(readPreferences(storage('{"textSize":999}')).textSize, 32);
});

test("a browser that keeps nothing is no error", () => {
  const refuse = (): never => {
    throw new Error("denied");
  };
  assert.equal(readPreferences({ getItem: refuse }).textSize, 11);
  keepPreferences({ setItem: refuse }, readPreferences(storage(null)));
});
