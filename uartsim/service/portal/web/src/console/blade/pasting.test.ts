import assert from "node:assert/strict";
import { test } from "node:test";
import { Pasting } from "./pasting";

/** A line that takes what it is given when the test says so. */
function played(limit = 2048): { pasting: Pasting; sent: string[]; told: string[]; asked: (string | null)[]; line: { open: boolean } } {
  const sent: string[] = [];
  const told: string[] = [];
  const asked: (string | null)[] = [];
  const line = { open: true };
  const pasting = new Pasting(limit, {
    type: (text) => line.open && sent.push(text) > 0,
    typedBytes: () => sent.join("").length,
    onAsked: (text) => asked.push(text),
    onProgress: () => undefined,
    onStopped: (text) => told.push(text),
  });
  return { pasting, sent, told, asked, line };
}

test("a paste up to the limit goes as one message, characters beyond the BMP counted once", () => {
  const { pasting, sent, asked } = played();
  pasting.paste("😀".repeat(2048));
  assert.equal(sent.length, 1);
  assert.deepEqual(asked, []);
});

test("a longer one is asked about, and nothing of it is typed before the answer, or after no", () => {
  const { pasting, sent, asked } = played();
  pasting.paste("x".repeat(2049));
  assert.deepEqual(sent, []);
  pasting.answer(false);
  assert.deepEqual(sent, []);
  assert.deepEqual(asked, ["x".repeat(2049), null]);
});

test("a longer one flows after yes, and ends when the line has taken it", () => {
  const { pasting, sent, told } = played();
  pasting.paste("x".repeat(10_000));
  pasting.answer(true);
  assert.equal(sent.join("").length, 4096);
  pasting.typed(4096);
  pasting.typed(8192);
  assert.equal(pasting.isBusy, true);
  pasting.typed(10_000);
  assert.equal(pasting.isBusy, false);
  assert.equal(sent.join("").length, 10_000);
  assert.deepEqual(told, []);
});

test("a cancelled paste says what the machine received, and sends nothing more", () => {
  const { pasting, sent, told } = played();
  pasting.paste("x".repeat(10_000));
  pasting.answer(true);
  pasting.typed(1000);
  pasting.cancel();
  pasting.typed(4096);
  assert.equal(sent.join("").length, 4096);
  assert.match(told[0] ?? "", /cancelled: the machine received 1,000 of 10,000 bytes; up to 3,096 more /);
});

test("a paste stops with the connection, and says so once", () => {
  const { pasting, told, line } = played();
  pasting.paste("x".repeat(10_000));
  pasting.answer(true);
  line.open = false;
  pasting.interrupt();
  pasting.interrupt();
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /^The paste has stopped, because the connection was interrupted: /);
});

test("a second paste during one is not sent, which is said", () => {
  const { pasting, sent, told } = played();
  pasting.paste("x".repeat(10_000));
  pasting.answer(true);
  const before = sent.length;
  pasting.paste("y");
  assert.equal(sent.length, before);
  assert.match(told[0] ?? "", /^A paste is in progress/);
});

test("the marks of a bracketed paste do not count as characters of it", () => {
  const { pasting, asked } = played();
  pasting.paste(`\u001b[200~${"x".repeat(2048)}\u001b[201~`);
  assert.deepEqual(asked, []);
  pasting.paste(`\u001b[200~${"x".repeat(2049)}\u001b[201~`);
  assert.equal(asked.length, 1);
});

test("a bracketed paste that is cancelled in its middle is ended for the guest", () => {
  const { pasting, sent } = played();
  pasting.paste(`\u001b[200~${"x".repeat(10_000)}\u001b[201~`);
  pasting.answer(true);
  pasting.cancel();
  assert.equal(sent.at(-1), "\u001b[201~");
});

test("ten million characters begin to flow at once, and can be cancelled", () => {
  const { pasting, sent, told } = played();
  pasting.paste("x".repeat(10_000_000));
  pasting.answer(true);
  assert.equal(sent.join("").length, 4096);
  pasting.cancel();
  assert.match(told.at(-1) ?? "", /0 of 10,000,000 bytes/);
});
