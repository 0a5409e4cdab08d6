import assert from "node:assert/strict";
import { test } from "node:test";
import { noteRows, visibleControls } from "./notes";

test("control characters of a note are made visible", () => {
  assert.equal(visibleControls("a\x1b[31mb\r\n\x07\x7f\u009b\u202e"), "a␛[31mb␍␊␇␡\ufffd\ufffd");
});

test("a note is broken into rows at blanks", () => {
  assert.deepEqual(noteRows("The machine was reset.", 12), ["The machine", "was reset."]);
  assert.deepEqual(noteRows("abcdefgh", 3), ["abc", "def", "gh"]);
  assert.deepEqual(noteRows("short", 80), ["short"]);
});
