import assert from "node:assert/strict";
import { test } from "node:test";
import { readRoute, resourceHash } from "./route";

const VM = "/subscriptions/1111/resourceGroups/machines/providers/Microsoft.Compute/virtualMachines/linux1";

test("a link to a blade is read back", () => {
  assert.deepEqual(readRoute(resourceHash(VM, "console", { alone: true })), { view: "resource", id: VM, blade: "console", alone: true, watch: false });
  assert.deepEqual(readRoute(resourceHash(VM)), { view: "resource", id: VM, blade: "overview", alone: false, watch: false });
});

test("a link may ask to look at a console only, in a window of its own or not", () => {
  for (const alone of [true, false]) {
    const route = readRoute(resourceHash(VM, "console", { alone, watch: true }));
    assert.deepEqual(route, { view: "resource", id: VM, blade: "console", alone, watch: true });
  }
});

test("what is no route is told so", () => {
  for (const hash of ["#/resource/x", "#javascript:alert(1)", `#/resource${VM}!nothing`, "#/resource/subscriptions/%", "#/subscription/../x"]) {
    assert.equal(readRoute(hash).view, "unknown");
  }
});

test("a link names nothing with characters that nobody sees", () => {
  for (const hidden of ["\u202e", "\u2066", "\u200f", "\u200b"]) {
    assert.equal(readRoute(resourceHash(`${VM}${hidden}x`)).view, "unknown");
  }
});

test("a link leads a request to no other path", () => {
  for (const id of ["/subscriptions/../_uartsim/faults", "/subscriptions/%2e%2e/x", "/subscriptions/./x", "/subscriptions/\\x"]) {
    assert.equal(readRoute(`#/resource${id}`).view, "unknown", id);
  }
});

test("a name with other letters comes back", () => {
  const id = `${VM}-\u00fc<b>`;
  assert.deepEqual(readRoute(resourceHash(id)), { view: "resource", id, blade: "overview", alone: false, watch: false });
});
