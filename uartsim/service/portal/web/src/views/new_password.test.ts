import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, weaknessOf } from "./new_password";

test("all that is wrong is told at its field", () => {
  const faults = faultsOf({ user: " ", password: "", again: "x" });
  assert.ok(faults.user !== null && faults.password !== null && faults.again !== null);
  assert.deepEqual(faultsOf({ user: "alice", password: "Correct-horse-1", again: "Correct-horse-1" }), { user: null, password: null, again: null });
});

test("what would break a guest's command is refused", () => {
  assert.ok(faultsOf({ user: "a:b", password: "x", again: "x" }).user !== null);
  assert.ok(faultsOf({ user: "a", password: "x\n", again: "x\n" }).password !== null);
});

test("a weak password is told, in any language", () => {
  for (const weak of ["short1A", "onlylowercaseletters", "alllowercase1234"]) assert.ok(weaknessOf(weak) !== null, weak);
  for (const strong of ["Correct-horse", "Пароль-пароль", "abcDEF123456"]) assert.equal(weaknessOf(strong), null, strong);
  assert.equal(weaknessOf(""), null);
});
