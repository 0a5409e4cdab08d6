import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConsoleFacts } from "../../azure/console_facts";
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
    "115200",
    "2 watchers",
  ]);
});

test("the line is as the service says: its speed before the connection, none for a line without a limit or a machine that is off", () => {
  const facts = (baud: number | null, format: string | null) => ({ baud, format }) as ConsoleFacts;
  assert.equal(lineText(HELD, facts(9600, "8N1")), "9600 8N1");
  assert.equal(lineText(HELD, facts(null, "7E1")), "unlimited speed 7E1");
  assert.equal(lineText(HELD, facts(null, null)), "");
  const connected: ConsoleView = { ...HELD, connection: { kind: "connected", watching: false }, baud: 0 };
  assert.equal(lineText(connected, facts(null, "8N1")), "unlimited speed 8N1");
});
