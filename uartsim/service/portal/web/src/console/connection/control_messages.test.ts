import assert from "node:assert/strict";
import { test } from "node:test";
import { readControlMessage } from "./control_messages";

test("each control message is read", () => {
  for (const message of [
    { type: "hello", boot: "b", from: 3, baud: 9600 },
    { type: "boot", boot: "c", from: 0 },
    { type: "current" },
    { type: "missing", bytes: 8192 },
    { type: "typed", bytes: 12 },
    { type: "holder", user: "bob", you: false, watchers: 2 },
    { type: "holder", user: null, you: false, watchers: 0 },
    { type: "note", text: "x" },
  ]) {
    assert.deepEqual(readControlMessage(JSON.stringify(message)), message);
  }
});

test("what is no control message is nothing, and fields of a wrong kind make none", () => {
  for (const text of ["", "Connecting...", "3", "null", "[]", '{"type":"later"}', '{"type":"typed","bytes":"3"}', '{"type":"typed","bytes":-1}', '{"type":"hello","boot":1,"from":0}', '{"type":"note"}']) {
    assert.equal(readControlMessage(text), null, text);
  }
});
