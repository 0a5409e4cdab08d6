import assert from "node:assert/strict";
import { test } from "node:test";
import { ArmError } from "../../azure/arm";
import type { ConnectionState } from "./connection";
import { ConsoleConnection, type SocketEvents } from "./console_connection";
import { CONNECTING } from "./control_messages";
import type { Position } from "./session_address";

interface OpenedSocket {
  readonly watch: boolean;
  readonly position: Position | null;
  readonly events: SocketEvents;
  readonly sent: string[];
  closedWith: number | null;
}

/** A service, and a clock, that a test plays. */
class Played {
  now = 1_000_000;
  readonly sockets: OpenedSocket[] = [];
  readonly states: ConnectionState[] = [];
  readonly notes: string[] = [];
  output = "";
  notSent = 0;
  tokens = 0;
  answers: (string | ArmError)[] = [];
  private timers: { at: number; action: () => void }[] = [];

  readonly connection = new ConsoleConnection(
    {
      connect: async () => {
        const answer = this.answers.shift() ?? "wss://localhost:1/n/connector/c/sessions/s/client";
        if (answer instanceof ArmError) throw answer;
        return answer;
      },
      token: async () => `token ${++this.tokens}`,
      openSocket: (_, watch, position, events) => {
        const socket: OpenedSocket = { watch, position, events, sent: [], closedWith: null };
        this.sockets.push(socket);
        return { send: (text) => socket.sent.push(text), close: (code) => (socket.closedWith = code) };
      },
      now: () => this.now,
      after: (milliseconds, action) => {
        const timer = { at: this.now + milliseconds, action };
        this.timers.push(timer);
        return () => (this.timers = this.timers.filter((one) => one !== timer));
      },
      random: () => 0.5,
    },
    {
      onState: (state) => this.states.push(state),
      onOutput: (data) => (this.output += new TextDecoder().decode(data)),
      onControl: () => undefined,
      onNote: (text) => this.notes.push(text),
      onNotSent: (characters) => (this.notSent += characters),
    },
  );

  get state(): ConnectionState {
    return this.states[this.states.length - 1] ?? assert.fail("no state yet");
  }

  get socket(): OpenedSocket {
    return this.sockets[this.sockets.length - 1] ?? assert.fail("no socket yet");
  }

  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }

  async pass(milliseconds: number): Promise<void> {
    this.now += milliseconds;
    const due = this.timers.filter((timer) => timer.at <= this.now);
    this.timers = this.timers.filter((timer) => timer.at > this.now);
    for (const timer of due) timer.action();
    await this.settle();
  }

  say(message: object): void {
    this.socket.events.onMessage(JSON.stringify(message));
  }

  guest(text: string): void {
    this.socket.events.onMessage(new TextEncoder().encode(text));
  }

  greet(boot = "b1", from = 0): void {
    this.socket.events.onMessage(CONNECTING);
    this.say({ type: "hello", boot, from, baud: 115200 });
  }

  async connect(boot = "b1", from = 0): Promise<void> {
    this.connection.start();
    await this.settle();
    this.greet(boot, from);
  }

  async close(code: number, reason = ""): Promise<void> {
    this.socket.events.onClose(code, reason);
    await this.settle();
  }
}

test("the token is the first thing that is sent, after the gateway's first frame", async () => {
  const played = new Played();
  played.connection.start();
  await played.settle();
  assert.deepEqual(played.socket.sent, []);
  played.greet();
  assert.deepEqual(played.socket.sent, ["token 1"]);
  assert.deepEqual(played.state, { kind: "connected", watching: false });
  played.connection.type("ls\r");
  assert.deepEqual(played.socket.sent, ["token 1", "ls\r"]);
});

test("typing before the console greets is not sent, and is said", async () => {
  const played = new Played();
  played.connection.start();
  await played.settle();
  assert.equal(played.connection.type("é😀"), false);
  assert.equal(played.notSent, 2);
  assert.deepEqual(played.socket.sent, []);
});

test("a connection that breaks is made again after a pause, and goes on where it was", async () => {
  const played = new Played();
  await played.connect("b1", 100);
  played.guest("hello");
  await played.close(1006);
  assert.equal(played.state.kind, "waiting");
  assert.equal(played.state.kind === "waiting" && played.state.reason, "Web socket is closed or could not be opened.");
  await played.pass(499);
  assert.deepEqual(played.socket.position, { boot: "b1", from: 105 });
  played.greet("b1", 105);
  played.guest(" again");
  assert.equal(played.output, "hello again");
  assert.deepEqual(played.notes, []);
});

test("history that comes again all the same is not shown twice", async () => {
  const played = new Played();
  await played.connect();
  played.guest("abc");
  await played.close(1001);
  await played.pass(500);
  played.greet("b1", 0);
  played.guest("ab");
  played.guest("cdef");
  assert.equal(played.output, "abcdef");
});

test("what is gone between two connections is counted", async () => {
  const played = new Played();
  await played.connect();
  played.guest("abc");
  await played.close(1006);
  await played.pass(500);
  played.greet("b1", 10);
  assert.deepEqual(played.notes, ["7 bytes are missing here: they were not read in time."]);
});

test("a new boot is marked, whether it is seen or missed", async () => {
  const played = new Played();
  await played.connect();
  played.guest("abc");
  played.say({ type: "boot", boot: "b2", from: 0 });
  played.guest("de");
  await played.close(1006);
  await played.pass(500);
  assert.deepEqual(played.socket.position, { boot: "b2", from: 2 });
  played.greet("b3", 0);
  assert.equal(played.notes.length, 2);
  assert.match(played.notes[1] ?? "", /^The machine has started again; /);
});

test("pauses grow while attempts fail, and start small after a steady connection", async () => {
  const played = new Played();
  await played.connect();
  const delays: number[] = [];
  for (let failed = 0; failed < 9; failed += 1) {
    await played.close(1006);
    if (played.state.kind !== "waiting") assert.fail(played.state.kind);
    delays.push(played.state.retryAt - played.now);
    await played.pass(played.state.retryAt - played.now);
  }
  assert.deepEqual(delays, [375, 750, 1500, 3000, 6000, 12000, 22500, 22500, 22500]);
  played.greet();
  await played.pass(10_000);
  await played.close(1006);
  assert.equal(played.state.kind === "waiting" && played.state.retryAt - played.now, 375);
});

test("reconnecting now does not wait, and the pause that was begun is called off", async () => {
  const played = new Played();
  await played.connect();
  await played.close(1006);
  played.connection.start();
  await played.settle();
  assert.equal(played.sockets.length, 2);
  played.greet();
  await played.pass(60_000);
  assert.equal(played.sockets.length, 2);
});

test("an expired token is renewed without a change of the state, and nothing that is typed meanwhile is lost", async () => {
  const played = new Played();
  await played.connect();
  const before = played.states.length;
  played.socket.events.onClose(4004, "The access token has expired.");
  assert.equal(played.connection.type("who"), true);
  await played.settle();
  assert.equal(played.states.length, before);
  played.greet();
  assert.deepEqual(played.socket.sent, ["token 2", "who"]);
  assert.equal(played.notSent, 0);
});

test("what was typed while a renewal failed is said to be lost", async () => {
  const played = new Played();
  await played.connect();
  played.answers = [new ArmError(401, "ExpiredToken", "Sign in again.")];
  played.socket.events.onClose(4004, "");
  played.connection.type("who");
  await played.settle();
  assert.equal(played.state.kind, "refused");
  assert.equal(played.notSent, 3);
});

test("after a take-over nothing is tried until the user takes the console back, or watches", async () => {
  const played = new Played();
  await played.connect();
  await played.close(4001, "bob has taken this console over.");
  assert.deepEqual(played.state, { kind: "taken", reason: "bob has taken this console over." });
  await played.pass(60_000);
  assert.equal(played.sockets.length, 1);
  played.connection.start(true);
  await played.settle();
  assert.equal(played.socket.watch, true);
  played.greet();
  assert.equal(played.connection.type("x"), false);
  assert.deepEqual(played.socket.sent, ["token 2"]);
});

test("a machine that is off, an idle console and one in use end the connection with their reason", async () => {
  for (const code of [4000, 4008, 4009]) {
    const played = new Played();
    await played.connect();
    await played.close(code, "why");
    assert.deepEqual(played.state, { kind: "ended", code, reason: "why" });
    await played.pass(60_000);
    assert.equal(played.sockets.length, 1);
  }
});

test("after a condition is no longer met, connect is asked for the full refusal", async () => {
  const played = new Played();
  await played.connect();
  const refusal = new ArmError(409, "BootDiagnosticsNotEnabled", "Unable to retrieve ...", "Enable it.", "boot-diagnostics");
  played.answers = [refusal];
  await played.close(4003, "Unable to retrieve ...");
  assert.deepEqual(played.state, { kind: "refused", error: refusal });
});

test("what is transient is tried again, what a rule refuses is not, even with status 500", async () => {
  const played = new Played();
  played.answers = [new ArmError(500, "InternalServerError", "Server encountered an internal error")];
  played.connection.start();
  await played.settle();
  assert.equal(played.state.kind, "waiting");
  played.answers = [new ArmError(500, "StorageAccountNotAccessible", "Unable to determine ...", null, "storage-role")];
  await played.pass(500);
  assert.equal(played.state.kind, "refused");
});

test("a service that does not greet in time is given up, and asked again", async () => {
  const played = new Played();
  played.connection.start();
  await played.settle();
  const silent = played.socket;
  await played.pass(15_000);
  assert.equal(played.state.kind, "waiting");
  assert.equal(silent.closedWith, 1000);
  silent.events.onMessage(CONNECTING);
  assert.deepEqual(silent.sent, []);
});

test("a machine that is still starting, which only says who has the console, is waited for", async () => {
  const played = new Played();
  played.connection.start();
  await played.settle();
  const { events } = played.socket;
  events.onMessage(CONNECTING);
  events.onMessage('{"type": "holder", "user": "a", "you": true, "watchers": 0}');
  await played.pass(60_000);
  assert.equal(played.state.kind, "connecting");
  events.onMessage('{"type": "hello", "boot": "one", "from": 0, "baud": 9600}');
  assert.equal(played.state.kind, "connected");
});

test("stopping leaves the console, and what its WebSocket says later is not listened to", async () => {
  const played = new Played();
  await played.connect();
  const socket = played.socket;
  played.connection.stop();
  socket.events.onClose(1006, "");
  assert.equal(socket.closedWith, 1000);
  assert.deepEqual(played.state, { kind: "ended", code: 1000, reason: "" });
});
