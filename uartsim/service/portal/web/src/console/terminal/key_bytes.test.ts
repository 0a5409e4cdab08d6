import assert from "node:assert/strict";
import { test } from "node:test";
import { modifiedText, screenKeyText } from "./key_bytes";

const NONE = { ctrl: false, alt: false };
const CTRL = { ctrl: true, alt: false };
const ALT = { ctrl: false, alt: true };

test("keys of the row type what xterm's do", () => {
  assert.equal(screenKeyText("escape", NONE, false), "\x1b");
  assert.equal(screenKeyText("up", NONE, false), "\x1b[A");
  assert.equal(screenKeyText("up", NONE, true), "\x1bOA");
  assert.equal(screenKeyText("left", CTRL, true), "\x1b[1;5D");
  assert.equal(screenKeyText("page-up", NONE, false), "\x1b[5~");
  assert.equal(screenKeyText("page-down", ALT, false), "\x1b[6;3~");
  assert.equal(screenKeyText("interrupt", NONE, false), "\x03");
  assert.equal(screenKeyText("tab", ALT, false), "\x1b\t");
});

test("Ctrl of the row makes control characters of the next character", () => {
  assert.equal(modifiedText("c", CTRL), "\x03");
  assert.equal(modifiedText("C", CTRL), "\x03");
  assert.equal(modifiedText("]", CTRL), "\x1d");
  assert.equal(modifiedText(" ", CTRL), "\0");
  assert.equal(modifiedText("é", CTRL), "é");
  assert.equal(modifiedText("x", { ctrl: true, alt: true }), "\x1b\x18");
});

test("a word that a keyboard completes is typed as it is", () => {
  assert.equal(modifiedText("clear", CTRL), "clear");
  assert.equal(modifiedText("c", NONE), "c");
});
