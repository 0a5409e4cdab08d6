import assert from "node:assert/strict";
import { test } from "node:test";
import { pasteText } from "./paste_text";

test("lines of a paste end in CR, whatever they ended in", () => {
  assert.equal(pasteText("a\r\nb\nc\rd", false), "a\rb\rc\rd");
});

test("a paste keeps tabs and the characters of all scripts", () => {
  assert.equal(pasteText("\tgrüß 你好 😀", false), "\tgrüß 你好 😀");
});

test("control characters of a paste are left out", () => {
  assert.equal(pasteText("a\x00\x03\x04b\x1b[31mc\x7f\x9bd\x08", false), "ab[31mcd");
});

test("a bracketed paste cannot be ended from within", () => {
  for (const end of ["\x1b[201~", "\x9b201~", "\x1b\x1b[201~", "\x1b[20\x1b[201~1~", "\x1b\x00[201~"]) {
    const typed = pasteText(`ls${end}rm -rf ~\n`, true);
    assert.ok(typed.startsWith("\x1b[200~ls"));
    assert.equal(typed.lastIndexOf("\x1b"), typed.length - "\x1b[201~".length, JSON.stringify(typed));
    assert.ok(!typed.includes("\x9b"));
  }
});

test("nothing is typed for a paste of nothing", () => {
  assert.equal(pasteText("", true), "");
  assert.equal(pasteText("\x00\x1b", true), "");
});
