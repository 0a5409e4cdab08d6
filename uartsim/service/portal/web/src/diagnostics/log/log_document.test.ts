import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "../../azure/pause";
import { KEPT_BYTES, LogDocument, SLICE_BYTES } from "./log_document";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const texts = (log: LogDocument): string[] => log.chunks().flatMap((chunk) => chunk.lines.map((line) => line.text));

test("lines and characters that come in pieces are whole", () => {
  const log = new LogDocument();
  for (const byte of utf8("one\r\ntwo \u{1f600}\r\n\x1b[31mthree")) log.append(new Uint8Array([byte]));
  assert.deepEqual(texts(log), ["one", "two \u{1f600}", "three"]);
  assert.equal(log.length, 3);
});

test("full chunks stay the same objects", () => {
  const log = new LogDocument();
  log.append(utf8("a line\n".repeat(500)));
  const before = log.chunks();
  log.append(utf8("another\n"));
  const after = log.chunks();
  assert.equal(before.length, 3);
  assert.equal(after[0], before[0]);
  assert.equal(after[1], before[1]);
  assert.notEqual(after[2], before[2]);
  assert.equal(new Set(after.map((chunk) => chunk.id)).size, after.length);
});

test("the service's own lines are told apart, and the guest's are not taken for them", () => {
  const log = new LogDocument();
  log.append(utf8("[serial console 2026-11-28T14:00:00Z] alice connected to vm1\r\n[ser\x1b[mial console x\r\n"));
  assert.deepEqual(log.chunks()[0]?.lines.map((line) => line.kind), ["service", "guest"]);
});

/** The log in the view that makes controls visible. */
async function visible(log: LogDocument): Promise<LogDocument> {
  return new Promise((resolve, reject) => void log.showAs("visible", new AbortController().signal, resolve).catch(reject));
}

test("missing bytes are said, in every view", async () => {
  const log = new LogDocument();
  log.append(utf8("before"));
  log.missing(1234);
  log.append(utf8("\x1b[1mafter"));
  assert.deepEqual(texts(log), ["before", "--- 1234 bytes are missing here: the log moved on faster than it was read ---", "after"]);
  const other = await visible(log);
  assert.equal(texts(other)[2], "\u241b[1mafter");
  assert.equal(texts(other).length, 3);
});

test("a download has the bytes as they were", () => {
  const log = new LogDocument();
  log.append(new Uint8Array([0xff, 0x1b, 0x00]));
  log.missing(5);
  log.append(new Uint8Array([0x41]));
  assert.deepEqual(log.bytes().flatMap((bytes) => [...bytes]), [0xff, 0x1b, 0x00, 0x41]);
});

test("what is kept has a limit, with and without line feeds", () => {
  for (const piece of [`${"x".repeat(63)}\n`.repeat(4096), "x".repeat(262144)]) {
    const log = new LogDocument();
    for (let index = 0; index < 40; index += 1) log.append(utf8(piece));
    const characters = log.chunks().reduce((sum, chunk) => sum + chunk.characters, 0);
    assert.ok(characters <= KEPT_BYTES * 1.01, `${characters} characters`);
    assert.ok(characters > KEPT_BYTES * 0.9, `${characters} characters`);
    assert.equal(log.length, texts(log).length);
    assert.ok(log.bytes().reduce((sum, bytes) => sum + bytes.length, 0) <= KEPT_BYTES);
  }
});

test("a log of a MiB is read in a moment", () => {
  const log = new LogDocument();
  const line = "\x1b[32m[    1.234567]\x1b[0m usb 1-1: new device found, and so on for a while\r\n";
  const bytes = utf8(line.repeat(Math.ceil((1 << 20) / line.length)));
  const began = performance.now();
  log.append(bytes);
  assert.ok(log.chunks().length > 50);
  assert.ok(performance.now() - began < 2000);
});

test("another view of a long log is made in slices, and has what came meanwhile", async () => {
  const log = new LogDocument();
  const lines = utf8("1234567\n".repeat(SLICE_BYTES / 8));
  for (let index = 0; index < 10; index += 1) log.append(lines);
  let isMade = false;
  const making = visible(log).finally(() => {
    isMade = true;
  });
  for (let slices = 0; slices < 5; slices += 1) {
    await pause(0);
    assert.ok(!isMade, "all at once");
  }
  log.append(utf8("the last\n"));
  const other = await making;
  assert.equal(other.length, log.length);
  assert.equal(texts(other).at(-1), "the last");
});

test("another view that is not wanted any more is given up", async () => {
  const log = new LogDocument();
  for (let index = 0; index < 5; index += 1) log.append(utf8("1234567\n".repeat(SLICE_BYTES / 8)));
  const ended = new AbortController();
  const making = log.showAs("visible", ended.signal, () => assert.fail("it was made"));
  ended.abort();
  await assert.rejects(making);
});

for (const [what, line] of [
  ["starts of strings of C1", "\u009d"],
  ["starts of strings of C0", "\x1b]"],
  ["characters and as many that rub them out", null],
] as const) {
  test(`a line of nothing but ${what} is read in a moment`, () => {
    const half = 200_000;
    const bytes = utf8(`${line === null ? "x".repeat(half) + "\b".repeat(half) : line.repeat(half)}\r\n`);
    const log = new LogDocument();
    const began = performance.now();
    log.append(bytes);
    assert.ok(log.length > 0 && log.chunks().length > 0);
    assert.ok(performance.now() - began < 3000);
  });
}
