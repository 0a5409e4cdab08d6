import assert from "node:assert/strict";
import { test } from "node:test";
import { adminCommandPath, socketAddress } from "./session_address";

const SESSION = "wss://localhost:8443/n/connector/consoleconn-1a2b3c/sessions/00000000-0000-4000-8000-000000000001/client";
const PATH = "/n/connector/consoleconn-1a2b3c/sessions/00000000-0000-4000-8000-000000000001";

test("a WebSocket is opened at the host of the page, with the options beyond Azure", () => {
  assert.equal(socketAddress(SESSION, "127.0.0.1:1234", false, null), `wss://127.0.0.1:1234${PATH}/client?frames=binary&paste=flow`);
  assert.equal(
    socketAddress(SESSION, "[::1]:1234", true, { boot: "b 1", from: 42 }),
    `wss://[::1]:1234${PATH}/client?frames=binary&paste=flow&watch=1&boot=b+1&from=42`,
  );
});

test("an admin command goes to the session's own URL", () => {
  assert.equal(adminCommandPath(SESSION, "sysrq"), `${PATH}/adminCommand/sysrq`);
});
