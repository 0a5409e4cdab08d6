import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { ArmError } from "../azure/arm_error";
import { Session } from "./session";
import { SignInError, type Tokens } from "./token_endpoint";

afterEach(() => mock.restoreAll());

function tokens(name: string, lifetimeMs: number): Tokens {
  return { accessToken: name, refreshToken: `refresh-${name}`, expiresAt: Date.now() + lifetimeMs };
}

/** Answers renewals in turn, and keeps what they were asked with. */
function renewals(...answers: (Tokens | Error)[]): { readonly asked: string[]; readonly renew: (token: string) => Promise<Tokens> } {
  const asked: string[] = [];
  const renew = async (token: string): Promise<Tokens> => {
    asked.push(token);
    const answer = answers.shift() ?? new Error("renewed once too often");
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { asked, renew };
}

test("a token serves until a minute before its end, however long nobody has asked", async () => {
  const now = mock.method(Date, "now", () => 1_000_000);
  const { asked, renew } = renewals(tokens("second", 10 * 3_600_000));
  const session = new Session("alice", tokens("first", 3_600_000), renew);
  now.mock.mockImplementation(() => 1_000_000 + 3_539_000);
  assert.equal(await session.token(), "first");
  now.mock.mockImplementation(() => 1_000_000 + 3_541_000);
  assert.deepEqual(await Promise.all([session.token(), session.token()]), ["second", "second"]);
  assert.deepEqual(asked, ["refresh-first"]);
});

test("a token that the service refused is renewed, and only if it is still the present one", async () => {
  const { asked, renew } = renewals(tokens("second", 3_600_000));
  const session = new Session("alice", tokens("first", 3_600_000), renew);
  session.refuse("first");
  assert.equal(await session.token(), "second");
  session.refuse("first");
  assert.equal(await session.token(), "second");
  assert.equal(asked.length, 1);
});

test("a renewal that is refused lapses the session; who waits goes on after the next sign-in", async () => {
  const { renew } = renewals(new SignInError("The user is gone."));
  const session = new Session("alice", tokens("first", -1), renew);
  const heard: (string | null)[] = [];
  session.subscribe(() => heard.push(session.lapseReason));
  const waiting = Promise.all([session.token(), session.token()]);
  while (session.lapseReason === null) await new Promise((resolve) => setImmediate(resolve));
  const shared = (): string | undefined => session.shared?.accessToken;
  assert.equal(shared(), undefined);
  session.resume(tokens("again", 3_600_000));
  assert.deepEqual(await waiting, ["again", "again"]);
  assert.deepEqual(heard, ["The user is gone.", null]);
  assert.equal(shared(), "again");
});

test("while the service does not answer, a token serves to its end, and then the outage is told", async () => {
  const now = mock.method(Date, "now", () => 0);
  const outage = (): ArmError => new ArmError(0, "NoAnswer", "The service does not answer.");
  const { asked, renew } = renewals(outage(), outage());
  const session = new Session("alice", tokens("first", 600_000), renew);
  now.mock.mockImplementation(() => 550_000);
  assert.equal(await session.token(), "first");
  assert.equal(await session.token(), "first");
  assert.equal(asked.length, 1);
  now.mock.mockImplementation(() => 600_000);
  await assert.rejects(session.token(), (error: ArmError) => error.status === 0);
  assert.equal(session.lapseReason, null);
});
