import assert from "node:assert/strict";
import { test } from "node:test";
import { LogFollower, type LogSource, type LogState } from "./log_follower";

/** A circular log of so many bytes, as the service has it. */
class Ring implements LogSource {
  content = "";
  dropped = 0;
  changes = 0;
  sent = 0;
  /** What is written between the question how the log is, and its reading. */
  meanwhile: string[] = [];

  constructor(private readonly size: number) {}

  write(text: string): void {
    const all = this.content + text;
    const gone = Math.max(all.length - this.size, 0);
    this.content = all.slice(gone);
    this.dropped += gone;
    this.changes += text === "" ? 0 : 1;
  }

  async state(etag: string): Promise<LogState | null> {
    if (etag === String(this.changes)) return null;
    return { dropped: this.dropped, size: this.content.length, etag: String(this.changes) };
  }

  async read(skip: number): Promise<{ dropped: number; bytes: Uint8Array }> {
    this.write(this.meanwhile.shift() ?? "");
    const bytes = new TextEncoder().encode(this.content.slice(skip));
    this.sent += bytes.length;
    return { dropped: this.dropped, bytes };
  }
}

async function read(follower: LogFollower): Promise<[string, number, boolean] | null> {
  const piece = await follower.read();
  return piece === null ? null : [new TextDecoder().decode(piece.bytes), piece.missing, piece.anew];
}

test("first the whole log, then only what came to it", async () => {
  const ring = new Ring(100);
  const follower = new LogFollower(ring);
  ring.write("one");
  assert.deepEqual(await read(follower), ["one", 0, false]);
  assert.equal(await read(follower), null);
  ring.write("two");
  assert.deepEqual(await read(follower), ["two", 0, false]);
  assert.equal(ring.sent, 6);
});

test("a log that drops its oldest bytes is followed without a gap or a repetition", async () => {
  const ring = new Ring(10);
  const follower = new LogFollower(ring);
  let seen = "";
  let written = "";
  for (const text of ["abcdefgh", "ij", "kl", "", "mnopqrstu", "v", "w"]) {
    ring.write(text);
    written += text;
    const piece = await read(follower);
    assert.equal(piece?.[1] ?? 0, 0);
    seen += piece?.[0] ?? "";
  }
  const last = await read(follower);
  assert.equal(seen + (last?.[0] ?? ""), written);
});

test("bytes that were gone before they could be read are counted", async () => {
  const ring = new Ring(10);
  const follower = new LogFollower(ring);
  ring.write("abc");
  await read(follower);
  ring.write("0123456789ABCDE");
  assert.deepEqual(await read(follower), ["56789ABCDE", 5, false]);
});

test("another log is shown from its beginning", async () => {
  const ring = new Ring(10);
  const follower = new LogFollower(ring);
  ring.write("abcdefghijklm");
  await read(follower);
  ring.content = "";
  ring.dropped = 0;
  ring.write("new");
  assert.deepEqual(await read(follower), ["new", 0, true]);
});

test("what is written while the log is read is not left out", async () => {
  const ring = new Ring(10);
  const follower = new LogFollower(ring);
  ring.write("abcdefgh");
  await read(follower);
  ring.write("i");
  ring.meanwhile = ["jkl", "m"];
  let seen = "";
  for (let piece = await read(follower); piece !== null; piece = await read(follower)) {
    assert.equal(piece[1], 0);
    seen += piece[0];
  }
  assert.equal(seen, "ijklm");
});

test("an empty log that gets its first bytes", async () => {
  const ring = new Ring(10);
  const follower = new LogFollower(ring);
  await read(follower);
  ring.write("first");
  assert.deepEqual(await read(follower), ["first", 0, false]);
});
