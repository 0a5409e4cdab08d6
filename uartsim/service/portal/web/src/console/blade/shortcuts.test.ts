import assert from "node:assert/strict";
import { test } from "node:test";
import { between, SHORTCUTS } from "./shortcuts";

const texts = SHORTCUTS.map((shortcut) => shortcut.keys.join(between(shortcut)));

test("every shortcut of the text's size is in the list", () => {
  for (const text of ["Ctrl + +", "Ctrl + -", "Ctrl + 0"]) assert.ok(texts.includes(text), text);
});

test("keys of which one is pressed do not look like a chord", () => {
  assert.ok(texts.includes("← or →"));
});
