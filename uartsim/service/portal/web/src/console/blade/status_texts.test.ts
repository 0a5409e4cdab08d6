import assert from "node:assert/strict";
import { test } from "node:test";
import { FIRST_VIEW, type ConsoleView } from "./console_view";
import { holderText, lineText, watchersText } from "./status_texts";

const HELD: ConsoleView = { ...FIRST_VIEW, holder: { user: "owner@example.com", you: false, watchers: 2 } };

test("without a connection or an answer of the service, nothing is said of the console", () => {
  for (const text of [holderText, lineText, watchersText]) assert.equal(text(HELD, null), "");
});

test("while connected, the gateway's word counts", () => {
  const view: ConsoleView = { ...HELD, connection: { kind: "connected", watching: true } };
  assert.deepEqual([holderText, lineText, watchersText].map((text) => text(view, null)), [
    "owner@example.com has the console",
    "115200 8N1",
    "2 watchers",
  ]);
});
