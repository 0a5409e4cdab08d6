import assert from "node:assert/strict";
import { test } from "node:test";
import { readSysrqKeys, SYSRQ_KEYS, WRONG_KEYS } from "./sysrq_keys";

test("a sequence is read key by key, whatever case it is typed in", () => {
  const keys = readSysrqKeys(" REISUB ");
  assert.ok(typeof keys !== "string");
  assert.equal(keys.map(({ key }) => key).join(""), "reisub");
  assert.match(keys[3]?.meaning ?? "", /sync/);
});

test("what is no key is refused with the service's text", () => {
  for (const typed of ["h!", "a b", "é", "h\n1"]) assert.equal(readSysrqKeys(typed), WRONG_KEYS);
  assert.match(String(readSysrqKeys(" ")), /^Type one key/);
});

test("a key that most kernels do not have is told", () => {
  const keys = readSysrqKeys("x");
  assert.equal(typeof keys !== "string" && keys[0]?.meaning, "Not a key of most kernels");
});

test("each key is there once", () => {
  assert.equal(new Set(SYSRQ_KEYS.map(({ key }) => key)).size, SYSRQ_KEYS.length);
});
