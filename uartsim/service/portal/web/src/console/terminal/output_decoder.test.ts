import assert from "node:assert/strict";
import { test } from "node:test";
import { OutputDecoder } from "./output_decoder";

function decode(...chunks: number[][]): string {
  const decoder = new OutputDecoder();
  return chunks.map((chunk) => decoder.decode(new Uint8Array(chunk))).join("") + decoder.end();
}

test("a character that is split over chunks is put together", () => {
  assert.equal(decode([0xf0, 0x9f], [0x98], [0x80, 0x41]), "😀A");
});

test("bytes that are not UTF-8 are shown as replacement characters, none disappears", () => {
  assert.equal(decode([0x41, 0xff, 0x42, 0xc3]), "A\ufffdB\ufffd");
  assert.equal(decode([0x9b, 0x33, 0x31, 0x6d]), "\ufffd31m");
});

test("C1 control characters are shown, not obeyed", () => {
  assert.equal(decode([0xc2, 0x9b, 0x33, 0x31, 0x6d]), "\ufffd31m");
});

test("characters that turn the direction of the text are shown", () => {
  assert.equal(decode([...new TextEncoder().encode("a\u202eb\u2066c")]), "a\ufffdb\ufffdc");
});

test("a byte order mark is not swallowed", () => {
  assert.equal(decode([0xef, 0xbb, 0xbf, 0x41]), "\ufeffA");
});

test("a row of combining marks is bounded, also over chunks, and the rest is one replacement character", () => {
  const decoder = new OutputDecoder();
  const marks = new TextEncoder().encode("\u0301".repeat(10_000));
  const text = decoder.decode(new TextEncoder().encode("a")) + decoder.decode(marks.subarray(0, 21)) + decoder.decode(marks.subarray(21)) + decoder.decode(marks);
  assert.equal(text, `a${"\u0301".repeat(16)}\ufffd`);
  assert.equal(decoder.decode(new TextEncoder().encode("e\u0301")), "e\u0301");
});

test("DEL among the marks, which the terminal skips, does not begin a new row of them", () => {
  const text = new OutputDecoder().decode(new TextEncoder().encode(`a${"\u0301\x7f".repeat(100)}`));
  assert.equal(text, `a${"\u0301".repeat(16)}\ufffd`);
});
