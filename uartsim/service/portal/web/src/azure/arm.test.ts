import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Arm, ArmError } from "./arm";

interface Asked {
  readonly path: string;
  readonly token: string | null;
}

const realFetch = globalThis.fetch;
let answers: (Response | Error)[] = [];
let asked: Asked[] = [];
let reached: boolean[] = [];

beforeEach(() => {
  asked = [];
  reached = [];
  Object.defineProperty(globalThis, "location", { value: { origin: "https://127.0.0.1:1" }, configurable: true });
  globalThis.fetch = (async (path: string, init: { headers: Record<string, string> }) => {
    asked.push({ path, token: init.headers["Authorization"] ?? null });
    const answer = answers.shift();
    if (answer === undefined) throw new Error("asked once too often");
    if (answer instanceof Error) throw answer;
    return answer;
  }) as typeof fetch;
});

afterEach(() => {
  globalThis.fetch = realFetch;
});

function arm(): Arm {
  let number = 1;
  const source = { token: async () => `token-${number}`, refuse: () => void (number += 1) };
  return new Arm(source, (isReached) => reached.push(isReached));
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

test("a list is read to its last page, at the host that the page came from", async () => {
  answers = [json({ value: [1, 2], nextLink: "https://localhost:1/subscriptions?$skiptoken=2" }), json({ value: [3] })];
  assert.deepEqual(await arm().list("/subscriptions", "2022-12-01"), [1, 2, 3]);
  assert.deepEqual(asked.map((one) => one.path), ["/subscriptions?api-version=2022-12-01", "/subscriptions?$skiptoken=2"]);
});

test("a token that is not taken is renewed once", async () => {
  answers = [json({}, 401), json({ name: "linux1" })];
  assert.deepEqual(await arm().call("/x", "1"), { name: "linux1" });
  assert.deepEqual(asked.map((one) => one.token), ["Bearer token-1", "Bearer token-2"]);
  answers = [json({}, 401), json({ error: { code: "InvalidAuthenticationToken", message: "No." } }, 401)];
  await assert.rejects(arm().call("/x", "1"), (error: ArmError) => error.status === 401 && error.message === "No.");
});

test("what is too busy is asked again when it says", async () => {
  answers = [json({}, 429, { "Retry-After": "0" }), json({ value: "there" })];
  assert.deepEqual(await arm().call("/x", "1"), { value: "there" });
});

test("an operation that takes time ends with its result", async () => {
  const headers = { "Azure-AsyncOperation": "https://localhost:1/operations/7", Location: "https://localhost:1/operations/7?monitor=true", "Retry-After": "0" };
  answers = [json(null, 202, headers), json({ status: "InProgress" }, 200, { "Retry-After": "0" }), json({ status: "Succeeded" }), json({ out: "done" })];
  assert.deepEqual(await arm().call("/x/runCommand", "1", { method: "POST" }), { out: "done" });
});

test("an operation that failed is an error with its words", async () => {
  const details = [{ code: "Mitigation", message: "Start it." }];
  const error = { code: "VMNotRunning", message: "It does not run.", details };
  answers = [json(null, 202, { "Azure-AsyncOperation": "https://localhost:1/o", "Retry-After": "0" }), json({ status: "Failed", error })];
  await assert.rejects(arm().call("/x", "1", { method: "POST" }), (thrown: ArmError) => {
    return thrown.code === "VMNotRunning" && thrown.message === "It does not run." && thrown.mitigation === "Start it.";
  });
});

test("a refusal has the rule and the mitigation of its answer", async () => {
  const error = { code: "BootDiagnosticsDisabled", message: "Off.", details: [{ code: "Mitigation", message: "Enable it." }] };
  answers = [json({ error }, 409, { "x-uartsim-rule": "AVAIL-1" })];
  await assert.rejects(arm().call("/x", "1"), (thrown: ArmError) => {
    return thrown.rule === "AVAIL-1" && thrown.mitigation === "Enable it." && !thrown.isTransient;
  });
});

test("a service that does not answer is told apart, and told of", async () => {
  answers = [new TypeError("Failed to fetch")];
  await assert.rejects(arm().call("/x", "1"), (thrown: ArmError) => thrown.status === 0 && thrown.isTransient);
  answers = [new Response("<html>", { status: 502 })];
  await assert.rejects(arm().call("/x", "1"), (thrown: ArmError) => thrown.status === 502 && thrown.isTransient);
  assert.deepEqual(reached, [false, true]);
});

test("an answer that is cut off is an ArmError", async (context) => {
  const body = new ReadableStream({ start: (controller) => controller.error(new TypeError("terminated")) });
  context.mock.method(globalThis, "fetch", async () => new Response(body));
  await assert.rejects(arm().fetch("/x"), (error) => error instanceof ArmError && error.status === 0);
});
