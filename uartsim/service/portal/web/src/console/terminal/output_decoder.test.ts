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

const ACUTE = [0xcc, 0x81];

test("marks on a character are let through as far as any writing has them, and the rest is one replacement character", () => {
  assert.equal(decode([0x61, ...ACUTE, ...ACUTE, 0x62]), "a\u0301\u0301b");
  const many = Array<number[]>(20_000).fill(ACUTE).flat();
  assert.equal(decode([0x61, ...many, 0x62]), `a${"\u0301".repeat(16)}\ufffdb`);
});

test("marks are counted over chunks, also where each brings one", () => {
  const chunks = Array<number[]>(5000).fill(ACUTE);
  assert.equal(decode([0x61], ...chunks, [0x62], ...chunks), `a${"\u0301".repeat(16)}\ufffdb${"\u0301".repeat(16)}\ufffd`);
});
