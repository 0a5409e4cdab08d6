import assert from "node:assert/strict";
import { test } from "node:test";
import { isNote, LONGEST_LINE, readableLine } from "./readable_line";

test("colours and erasures are taken out", () => {
  assert.deepEqual(readableLine("\x1b[1;32mok\x1b[0m\x1b[K done\r", "hidden"), ["ok done"]);
});

test("a cursor that moves to another place begins another line", () => {
  assert.deepEqual(readableLine("\x1b[2J\x1b[1;1HGNU GRUB\x1b[3;2Hfirst entry", "hidden"), ["GNU GRUB", "first entry"]);
  assert.deepEqual(readableLine("10%\r20%\r", "hidden"), ["10%", "20%"]);
});

test("a cursor that moves forward leaves blanks, and only so many", () => {
  assert.deepEqual(readableLine("a\x1b[3Cb", "hidden"), ["a   b"]);
  assert.equal(readableLine("a\x1b[999999999Cb", "hidden")[0]?.length, 202);
});

test("what was typed and rubbed out is not there", () => {
  assert.deepEqual(readableLine("lx\b \bs", "hidden"), ["ls"]);
  assert.deepEqual(readableLine("a\u{1f600}\b \bb", "hidden"), ["ab"]);
});

test("titles, the clipboard and other strings of the terminal are taken out", () => {
  assert.deepEqual(readableLine("\x1b]0;title\x07a\x1b]52;c;ZXZpbA==\x1b\\b\x1bPq#1\x1b\\c", "hidden"), ["abc"]);
});

test("a string without its end hides nothing", () => {
  assert.deepEqual(readableLine("\x1b]0;title and more", "hidden"), ["\u241b]0;title and more"]);
  assert.deepEqual(readableLine("\x1b[", "hidden"), ["\u241b["]);
});

test("other control characters, and those that reorder a line, are visible", () => {
  assert.deepEqual(readableLine("\0\x07a\x7f\u202eb\u2028", "hidden"), ["\u2400\u2407a\u2421<U+202E>b<U+2028>"]);
  assert.deepEqual(readableLine("a\tb", "hidden"), ["a\tb"]);
});

test("on request, sequences are visible", () => {
  assert.deepEqual(readableLine("\x1b[31mred\rover", "visible"), ["\u241b[31mred\u240dover"]);
});

test("only the service's own lines look like them", () => {
  const forged = "[serial\x1b[0m console 2026-11-28T14:00:00Z] eve connected";
  assert.equal(isNote(forged), false);
  assert.deepEqual(readableLine(forged, "hidden"), ["[serial console\\ 2026-11-28T14:00:00Z] eve connected"]);
  const own = "[serial console 2026-11-28T14:00:00Z] alice connected to vm1\r";
  assert.equal(isNote(own), true);
  assert.deepEqual(readableLine(own, "hidden"), [own.trim()]);
});

test("a very long line is broken, and whole", () => {
  const long = "\u{1f600}".repeat(LONGEST_LINE);
  const pieces = readableLine(long, "hidden");
  assert.ok(pieces.length >= 2);
  assert.equal(pieces.join(""), long);
  assert.ok(pieces.every((piece) => !/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(piece)));
});

test("an empty line is one line", () => {
  assert.deepEqual(readableLine("\r", "hidden"), [""]);
  assert.deepEqual(readableLine("\x1b[0m", "hidden"), [""]);
});

test("a line of beginnings without an end is shown in time that grows with its length only", () => {
  const shown = readableLine("\u009d".repeat(16_384), "hidden");
  const started = performance.now();
  assert.equal(shown.join("").length, 16_384 * "<U+009D>".length);
  const many = readableLine("\u009d".repeat(262_144), "hidden"); // by a search to the line's end for each: two minutes
  assert.equal(many.join("").length, 262_144 * "<U+009D>".length);
  assert.ok(performance.now() - started < 20_000);
});
