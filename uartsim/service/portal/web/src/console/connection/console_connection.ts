/**
 * The connection of one console: a session, its WebSocket, and what happens when that closes.
 *
 *     start ──▶ connecting ──▶ connected ──▶ taken     another user has the console (4001)
 *                 ▲   │            │────────▶ ended     the machine is off, nobody has typed, in use (4000, 4008, 4009), a broken message
 *                 │   │            ▼
 *                 │   ├───────▶ waiting                 a countdown, then the next attempt (1001, 1006, 1011, no answer)
 *                 └───┼────────────┘
 *                     └───────▶ refused                 `connect` has refused by a rule
 *
 * An expired token (4004) is renewed without a change of the state; what is typed meanwhile waits.  There is no I/O of its own
 * here: the ports do it, so that tests can play the service.
 */
import { ArmError } from "../../azure/arm";
import { backoffDelay } from "./backoff";
import { afterClose, CloseCode, closeReason, SOCKET_CLOSED, SOCKET_MITIGATION } from "./close_codes";
import type { ConnectionState, ControlMessage } from "./connection";
import { CONNECTING, readControlMessage } from "./control_messages";
import { OutputPosition } from "./output_position";
import { utf8Length } from "./paste_pump";
import type { Position } from "./session_address";

/** The part of a WebSocket that is used. */
export interface ConsoleSocket {
  /** Whether what is sent can arrive: false from the moment on in which the other side has begun to close. */
  readonly isOpen: boolean;
  send(text: string): void;
  close(code: number): void;
}

/** What a WebSocket tells. */
export interface SocketEvents {
  onMessage(data: string | Uint8Array): void;
  /** It is closed; comes once, also where it never opened (1006). */
  onClose(code: number, reason: string): void;
}

/** What the connection needs of the world. */
export interface ConnectionPorts {
  /** Asks for a session; returns its connection string. @throws ArmError */
  connect(): Promise<string>;
  /** An access token that is good. */
  token(): Promise<string>;
  openSocket(connectionString: string, watch: boolean, position: Position | null, events: SocketEvents): ConsoleSocket;
  /** Milliseconds since 1970. */
  now(): number;
  /** Calls `action` after so many milliseconds; the function that is returned calls it off. */
  after(milliseconds: number, action: () => void): () => void;
  /** From 0 up to 1. */
  random(): number;
}

/** What the connection tells. */
interface ConnectionEvents {
  onState(state: ConnectionState): void;
  /** What the guest has sent. */
  onOutput(data: Uint8Array): void;
  onControl(message: ControlMessage): void;
  /** Something to say in the place of the output where it happened. */
  onNote(text: string): void;
  /** So many characters that were typed could not be sent. */
  onNotSent(characters: number): void;
}

/** How long the WebSocket may take from its opening to the first word of the service. */
const HELLO_WITHIN_MS = 15_000;
/** How many characters are kept while a token is renewed. */
const MOST_HELD = 4096;
/** A connection that has held for so long makes the next failure count as the first. */
const STEADY_MS = 10_000;

export class ConsoleConnection {
  private state: ConnectionState = { kind: "ended", code: CloseCode.NORMAL, reason: "" };
  private watching = false;
  private attempt = 0;
  private connectedAt = 0;
  private socket: ConsoleSocket | null = null;
  private connectionString: string | null = null;
  private callOff: () => void = () => undefined;
  /** What is typed while a token is renewed; null at all other times. */
  private held: string | null = null;
  private typed = 0;
  private readonly position = new OutputPosition();
  /** Counts the attempts: what comes from an earlier one is not listened to. */
  private generation = 0;

  constructor(
    private readonly ports: ConnectionPorts,
    private readonly events: ConnectionEvents,
  ) {}

  /** Connects, or connects anew: takes the console from whoever has it, unless it is to be watched only. */
  start(watch = this.watching): void {
    this.leave();
    this.dropHeld();
    this.watching = watch;
    this.attempt = 0;
    void this.open();
  }

  /** Ends it; the console is free for others. */
  stop(): void {
    this.leave();
    this.dropHeld();
    this.setState({ kind: "ended", code: CloseCode.NORMAL, reason: "" });
  }

  /** Types something; returns whether it was sent, or will be. */
  type(text: string): boolean {
    if (this.state.kind === "connected" && !this.watching) {
      if (this.held !== null && this.held.length + text.length <= MOST_HELD) {
        this.held += text;
        return true;
      }
      if (this.held === null && this.socket?.isOpen === true) {
        this.socket.send(text);
        this.typed += utf8Length(text);
        return true;
      }
    }
    this.events.onNotSent([...text].length);
    return false;
  }

  /** How many bytes this WebSocket has been given to type. */
  get typedBytes(): number {
    return this.typed;
  }

  /** What `connect` answered for the session that is open now; null where none is. */
  get session(): string | null {
    return this.state.kind === "connected" ? this.connectionString : null;
  }

  private leave(): void {
    this.generation += 1;
    this.callOff();
    this.socket?.close(CloseCode.NORMAL);
    this.socket = null;
    this.connectionString = null;
  }

  private async open(): Promise<void> {
    const generation = ++this.generation;
    this.attempt += 1;
    if (this.held === null) this.setState({ kind: "connecting", attempt: this.attempt });
    try {
      const connectionString = await this.ports.connect();
      const token = await this.ports.token();
      if (generation !== this.generation) return;
      this.openSocket(generation, connectionString, token);
    } catch (error) {
      if (generation === this.generation) this.failed(error);
    }
  }

  private openSocket(generation: number, connectionString: string, token: string): void {
    let first = true;
    this.typed = 0;
    this.connectionString = connectionString;
    const socket = this.ports.openSocket(connectionString, this.watching, this.position.resume(), {
      onMessage: (data) => {
        if (generation !== this.generation) return;
        if (first) socket.send(token);
        if (!(first && data === CONNECTING)) this.received(data);
        first = false;
      },
      onClose: (code, reason) => {
        if (generation === this.generation) this.closed(code, reason);
      },
    });
    this.socket = socket;
    this.callOff = this.ports.after(HELLO_WITHIN_MS, () => {
      this.leave();
      this.retry("Sorry, the serial console was unable to connect to the VM because the service did not respond in a timely manner.", null);
    });
  }

  private received(data: string | Uint8Array): void {
    if (typeof data !== "string") {
      const fresh = this.position.take(data);
      if (fresh.length > 0) this.events.onOutput(fresh);
      return;
    }
    const message = readControlMessage(data);
    if (message === null) return;
    const note = this.position.follow(message);
    if (note !== null) this.events.onNote(note);
    // The service answers: a machine that still starts has no boot to greet with yet.
    if (message.type === "holder") this.callOff();
    if (message.type === "hello") this.greeted();
    this.events.onControl(message);
  }

  private greeted(): void {
    this.callOff();
    this.connectedAt = this.ports.now();
    const held = this.held;
    this.held = null;
    this.setState({ kind: "connected", watching: this.watching });
    if (held !== null && held !== "") this.type(held);
  }

  private closed(code: number, reason: string): void {
    this.callOff();
    this.socket = null;
    this.connectionString = null;
    const wasConnected = this.state.kind === "connected" && this.held === null;
    if (wasConnected && this.ports.now() - this.connectedAt >= STEADY_MS) this.attempt = 0;
    const text = closeReason(code, reason);
    switch (afterClose(code)) {
      case "renew":
        if (wasConnected) {
          this.held = "";
          void this.open();
          return;
        }
        return this.retry(text, null);
      case "ask":
        this.dropHeld();
        if (wasConnected) void this.open();
        else this.retry(text, null);
        return;
      case "taken":
        this.dropHeld();
        return this.setState({ kind: "taken", reason: text });
      case "end":
        this.dropHeld();
        return this.setState({ kind: "ended", code, reason: text });
      case "retry":
        return this.retry(text, text === SOCKET_CLOSED ? SOCKET_MITIGATION : null);
    }
  }

  private failed(error: unknown): void {
    const refusal = error instanceof ArmError ? error : new ArmError(0, "NoAnswer", error instanceof Error ? error.message : String(error));
    // What a rule refuses stays refused, whatever its status is; only a machine that is being deployed is waited for.
    const isTransient = refusal.rule === null ? refusal.isTransient : refusal.rule === "provisioned";
    if (isTransient) return this.retry(refusal.message, refusal.mitigation);
    this.dropHeld();
    this.setState({ kind: "refused", error: refusal });
  }

  private retry(reason: string, mitigation: string | null): void {
    this.dropHeld();
    const delay = backoffDelay(Math.max(this.attempt, 1), this.ports.random());
    this.setState({ kind: "waiting", retryAt: this.ports.now() + delay, reason, mitigation });
    this.callOff = this.ports.after(delay, () => void this.open());
  }

  private dropHeld(): void {
    if (this.held !== null && this.held !== "") this.events.onNotSent([...this.held].length);
    this.held = null;
  }

  private setState(state: ConnectionState): void {
    this.state = state;
    this.events.onState(state);
  }
}
