import assert from "node:assert/strict";
import { test } from "node:test";
import { safeLink } from "./links";

test("addresses of the web are links, as the browser would open them", () => {
  assert.equal(safeLink("https://example.com/a?b=c"), "https://example.com/a?b=c");
  assert.equal(safeLink("HTTP://EXAMPLE.com"), "http://example.com/");
  assert.equal(safeLink("https://еxample.com/"), "https://xn--xample-2of.com/");
});

test("whatever is not an address of the web is not a link", () => {
  for (const address of ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "ssh://host", "/here", ""]) {
    assert.equal(safeLink(address), null, address);
  }
});

test("an address that pretends to be another, or is too long to read, is not a link", () => {
  assert.equal(safeLink("https://portal.azure.com@evil.example/"), null);
  assert.equal(safeLink("https://user:secret@example.com/"), null);
  assert.equal(safeLink(`https://example.com/${"a".repeat(2000)}`), null);
});
