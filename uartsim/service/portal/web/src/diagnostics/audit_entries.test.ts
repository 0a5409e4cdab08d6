import assert from "node:assert/strict";
import { test } from "node:test";
import { auditCsv, filtered, joined, type AuditEntry, type AuditPage } from "./audit_entries";

const entry = (number: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  number,
  at: "2026-11-28T14:00:00Z",
  machine: "/x/virtualMachines/vm1",
  user: "alice@example",
  session: "s",
  event: "connected",
  detail: "",
  ...more,
});
const page = (value: AuditEntry[], last: number, gone = false): AuditPage => ({ value, last, gone, since: "then" });

test("what has come since is added", () => {
  const known = joined(null, page([entry(1)], 1));
  const more = joined(known, page([entry(4)], 5));
  assert.deepEqual([more.value.map((one) => one.number), more.last, more.gone], [[1, 4], 5, false]);
  assert.equal(joined(more, page([], 6, true)).gone, true);
});

test("the page keeps so many entries, and says that others are gone", () => {
  const known = page(Array.from({ length: 10_000 }, (_, number) => entry(number)), 9999);
  const more = joined(known, page([entry(10_000)], 10_000));
  assert.deepEqual([more.value.length, more.value[0]?.number, more.gone], [10_000, 1, true]);
});

test("a filter looks at every column, and the newest entry is first", () => {
  const entries = [entry(1), entry(2, { user: "BOB@example", event: "admin command", detail: "nmi" }), entry(3)];
  assert.deepEqual(filtered(entries, "bob", "").map((one) => one.number), [2]);
  assert.deepEqual(filtered(entries, "", "connected").map((one) => one.number), [3, 1]);
  assert.deepEqual(filtered(entries, "NMI", "connected"), []);
});

test("a file of values keeps what is in them, and runs no formula", () => {
  const lines = auditCsv([entry(1, { user: "=cmd()", detail: 'said "a, b"' })]).split("\r\n");
  assert.equal(lines[0], "number,at,machine,user,session,event,detail");
  assert.equal(lines[1], `1,2026-11-28T14:00:00Z,/x/virtualMachines/vm1,'=cmd(),s,connected,"said ""a, b"""`);
  assert.equal(lines[2], "");
});
