import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesIn, searchPattern } from "./search_pattern";

function found(text: string, query: Parameters<typeof searchPattern>[0]): number[] {
  const pattern = searchPattern(query);
  assert.ok(pattern instanceof RegExp, String(pattern));
  return matchesIn(text, pattern).map(({ offset }) => offset);
}

test("text is found as it is, whatever a regular expression would make of it", () => {
  assert.deepEqual(found("a.b axb a.b", { text: "a.b" }), [0, 8]);
  assert.deepEqual(found("[x]-/{2}", { text: "[x]-/{2}" }), [0]);
});

test("case matters only when asked for", () => {
  assert.deepEqual(found("Error error", { text: "error" }), [0, 6]);
  assert.deepEqual(found("Error error", { text: "error", matchCase: true }), [6]);
});

test("regular expressions are obeyed, sloppy ones too", () => {
  assert.deepEqual(found("sda1 sdb2", { text: "sd[a-z]\\d", regex: true }), [0, 5]);
  assert.deepEqual(found("a-b", { text: "a\\-b", regex: true }), [0]);
});

test("a bad regular expression gives a sentence that says why", () => {
  const problem = searchPattern({ text: "(", regex: true });
  assert.match(String(problem), /^This is not a regular expression: Unterminated group/);
});

test("matches without characters are none", () => {
  assert.deepEqual(found("abc", { text: "x*", regex: true }), []);
});

test("a repeated group with a repetition inside, which could block the page, is refused", () => {
  for (const text of ["(a+)+$", "((a*)b?)*", "(?:\\w+\\s?){2,}$"]) {
    assert.match(String(searchPattern({ text, regex: true })), /can take for ever/);
  }
  for (const text of ["(a+)b+", "(foo|bar)+", "\\(a+\\)+", "([*+])+", "(a+)?"]) {
    assert.ok(searchPattern({ text, regex: true }) instanceof RegExp, text);
  }
});
