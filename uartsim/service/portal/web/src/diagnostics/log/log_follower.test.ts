import assert from "node:assert/strict";
import { test } from "node:test";
import { LogFollower, type LogAnswer, type LogSource } from "./log_follower";

/** A circular log of ten bytes, as the service has it. */
class Ring implements LogSource {
  content = "";
  dropped = 0;
  changes = 0;
  sent = 0;

  write(text: string): void {
    const all = this.content + text;
    const gone = Math.max(all.length - 10, 0);
    this.content = all.slice(gone);
    this.dropped += gone;
    this.changes += 1;
  }

  async read(since: number | null, etag: string): Promise<LogAnswer | "unchanged" | "other"> {
    if (etag === String(this.changes)) return "unchanged";
    if (since !== null && since > this.dropped + this.content.length) return "other";
    const skip = Math.max((since ?? 0) - this.dropped, 0);
    const bytes = new TextEncoder().encode(this.content.slice(skip));
    this.sent += bytes.length;
    return { from: this.dropped + skip, bytes, etag: String(this.changes) };
  }
}

async function read(follower: LogFollower): Promise<[string, number, boolean] | null> {
  const piece = await follower.read();
  return piece === null ? null : [new TextDecoder().decode(piece.bytes), piece.missing, piece.anew];
}

test("first the whole log, then only what came to it", async () => {
  const ring = new Ring();
  const follower = new LogFollower(ring);
  ring.write("one");
  assert.deepEqual(await read(follower), ["one", 0, false]);
  assert.equal(await read(follower), null);
  ring.write("two");
  assert.deepEqual(await read(follower), ["two", 0, false]);
  assert.equal(ring.sent, 6);
});

test("a log that drops its oldest bytes is followed without a gap or a repetition", async () => {
  const ring = new Ring();
  const follower = new LogFollower(ring);
  let seen = "";
  for (const text of ["abcdefgh", "ij", "kl", "mnopqrstu", "v", "w"]) {
    ring.write(text);
    const piece = await read(follower);
    assert.equal(piece?.[1], 0);
    seen += piece?.[0] ?? "";
  }
  assert.equal(seen, "abcdefghijklmnopqrstuvw");
});

test("bytes that were gone before they could be read are counted", async () => {
  const ring = new Ring();
  const follower = new LogFollower(ring);
  ring.write("abc");
  await read(follower);
  ring.write("0123456789ABCDE");
  assert.deepEqual(await read(follower), ["56789ABCDE", 5, false]);
});

test("another log is shown from its beginning, also an empty one", async () => {
  const ring = new Ring();
  const follower = new LogFollower(ring);
  ring.write("abcdefghijklm");
  await read(follower);
  [ring.content, ring.dropped] = ["", 0];
  ring.write("new");
  assert.deepEqual(await read(follower), ["new", 0, true]);
  [ring.content, ring.dropped] = ["", 0];
  ring.write("");
  assert.deepEqual(await read(follower), ["", 0, true]);
});

test("an empty log that gets its first bytes", async () => {
  const ring = new Ring();
  const follower = new LogFollower(ring);
  assert.equal(await read(follower), null);
  ring.write("first");
  assert.deepEqual(await read(follower), ["first", 0, false]);
});
