import assert from "node:assert/strict";
import { test } from "node:test";
import { isBrowserKey, type KeyStroke, pageKey } from "./key_handler";

function stroke(key: string, held: Partial<KeyStroke> = {}): KeyStroke {
  return { key, code: "", ctrlKey: false, shiftKey: false, altKey: false, metaKey: false, ...held };
}

test("the page takes Ctrl+F6, copy, paste, find and the keys of the text size", () => {
  const ctrl = { ctrlKey: true };
  const both = { ctrlKey: true, shiftKey: true };
  assert.equal(pageKey(stroke("F6", ctrl)), "leave");
  assert.equal(pageKey(stroke("C", both)), "copy");
  assert.equal(pageKey(stroke("V", both)), "paste");
  assert.equal(pageKey(stroke("F", both)), "find");
  assert.equal(pageKey(stroke("Insert", { shiftKey: true })), "paste");
  assert.equal(pageKey(stroke("Insert", ctrl)), "copy");
  assert.equal(pageKey(stroke("+", both)), "larger");
  assert.equal(pageKey(stroke("=", ctrl)), "larger");
  assert.equal(pageKey(stroke("-", ctrl)), "smaller");
  assert.equal(pageKey(stroke("0", ctrl)), "usual-size");
});

test("keys of the guest stay the guest's", () => {
  for (const key of ["Tab", "F6", "c", "Escape", "Enter", "PageUp"]) assert.equal(pageKey(stroke(key)), null);
  assert.equal(pageKey(stroke("Tab", { shiftKey: true })), null);
  assert.equal(pageKey(stroke("_", { ctrlKey: true, shiftKey: true })), null);
  for (const key of ["c", "v", "f", "d"]) assert.equal(pageKey(stroke(key, { ctrlKey: true })), null);
});

test("AltGr, which Windows gives as Ctrl and Alt, is not taken for a key of the page", () => {
  for (const key of ["@", "{", "+", "-", "0", "F6"]) assert.equal(pageKey(stroke(key, { ctrlKey: true, altKey: true })), null);
});

test("copy and paste are found by their place on layouts without Latin letters, but not on Dvorak", () => {
  const both = { ctrlKey: true, shiftKey: true };
  assert.equal(pageKey(stroke("С", { ...both, code: "KeyC" })), "copy");
  assert.equal(pageKey(stroke("ر", { ...both, code: "KeyV" })), "paste");
  assert.equal(pageKey(stroke("J", { ...both, code: "KeyC" })), null);
});

test("the browser gets no key that is typed to the guest and would leave the terminal, reload or scroll the page", () => {
  for (const key of ["F5", "F12", "Tab", "Escape", "PageUp"]) assert.ok(isBrowserKey(stroke(key)), key);
  assert.ok(isBrowserKey(stroke("Tab", { shiftKey: true })));
  assert.ok(!isBrowserKey(stroke("F13")));
  assert.ok(!isBrowserKey(stroke("F5", { ctrlKey: true })));
  assert.ok(!isBrowserKey(stroke("a")));
});
