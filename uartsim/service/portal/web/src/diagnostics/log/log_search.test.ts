import assert from "node:assert/strict";
import { test } from "node:test";
import { LogDocument } from "./log_document";
import { LogSearch } from "./log_search";

function log(text: string): LogDocument {
  const made = new LogDocument();
  made.append(new TextEncoder().encode(text));
  return made;
}

test("what is looked for is text, not a pattern", () => {
  const chunks = log("a.b axb (a.b)\n[ok]\n").chunks();
  assert.equal(new LogSearch("a.b", true).count(chunks), 2);
  assert.equal(new LogSearch("[ok]", true).count(chunks), 1);
  assert.equal(new LogSearch("/-$", true).count(chunks), 0);
});

test("case counts only where it is to", () => {
  const chunks = log("Login: login: \u00c4\n").chunks();
  assert.equal(new LogSearch("LOGIN", false).count(chunks), 2);
  assert.equal(new LogSearch("login", true).count(chunks), 1);
  assert.equal(new LogSearch("\u00e4", false).count(chunks), 1);
});

test("a match is found where a colour was in it, and by its number over all chunks", () => {
  const chunks = log(`${"nothing\n".repeat(250)}pa\x1b[31mnic\npanic panic\n`).chunks();
  const search = new LogSearch("panic", true);
  assert.equal(search.count(chunks), 3);
  assert.deepEqual(search.place(chunks, 2), { chunkId: chunks[1]?.id, index: 2 });
  assert.equal(search.place(chunks, 3), null);
  const second = chunks[1];
  assert.ok(second);
  assert.deepEqual(search.in(second)[1], { line: 51, from: 0, to: 5 });
});
