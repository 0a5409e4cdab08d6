import assert from "node:assert/strict";
import { test } from "node:test";
import { PendingOutput } from "./pending_output";

/** A terminal that parses when the test says so. */
class SlowTerminal {
  readonly shown: string[] = [];
  private parsed: (() => void)[] = [];

  write(data: Uint8Array): Promise<void> {
    this.shown.push(new TextDecoder().decode(data));
    return new Promise((resolve) => this.parsed.push(resolve));
  }

  note(text: string): void {
    this.shown.push(`[${text}]`);
  }

  async parse(): Promise<void> {
    this.parsed.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("output and steps come in their order, one write at a time", async () => {
  const terminal = new SlowTerminal();
  const queue = new PendingOutput(terminal);
  queue.output(bytes("a"));
  queue.step(() => terminal.note("n"));
  queue.output(bytes("b"));
  assert.deepEqual(terminal.shown, ["a"]);
  await terminal.parse();
  assert.deepEqual(terminal.shown, ["a", "[n]", "b"]);
});

test("beyond the limit the oldest output is given up, its place says how much, and steps stay", async () => {
  const terminal = new SlowTerminal();
  const queue = new PendingOutput(terminal, 10);
  queue.output(bytes("first"));
  queue.output(bytes("12345"));
  queue.step(() => terminal.note("n"));
  queue.output(bytes("67890"));
  queue.output(bytes("abcde"));
  await terminal.parse();
  assert.deepEqual(terminal.shown, ["first", "[5 bytes are missing here: the browser did not draw them in time.]", "[n]", "67890"]);
  await terminal.parse();
  assert.equal(terminal.shown[4], "abcde");
});
