import assert from "node:assert/strict";
import { test } from "node:test";
import { readMessage } from "./shared_session";
import { nameIn } from "./token_endpoint";

const OFFER = { userName: "alice@example.com", tokens: { accessToken: "a", refreshToken: null, expiresAt: 1 } };

test("messages of other tabs are read back", () => {
  for (const message of [{ kind: "ask", from: "x" }, { kind: "signed-out" }, { kind: "have", to: null, offer: OFFER }, { kind: "have", to: "x", offer: OFFER }]) {
    assert.deepEqual(readMessage(message), message);
  }
});

test("what is no message of ours is left alone", () => {
  const bad = [null, "ask", {}, { kind: "ask" }, { kind: "have", to: null, offer: { ...OFFER, tokens: null } }, { kind: "have", offer: OFFER }];
  const broken = { ...OFFER, tokens: { ...OFFER.tokens, accessToken: 7 } };
  for (const data of [...bad, { kind: "have", to: null, offer: broken }]) assert.equal(readMessage(data), null);
});

test("an access token names its user", () => {
  const payload = Buffer.from(JSON.stringify({ upn: "zoë@example.com" })).toString("base64url");
  assert.equal(nameIn(`head.${payload}.signature`), "zoë@example.com");
  assert.equal(nameIn("not a token"), null);
});
