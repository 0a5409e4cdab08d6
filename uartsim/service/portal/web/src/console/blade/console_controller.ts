/** Brings together a console's connection, its terminal and its pastes; the components draw what it tells. */
import { ArmError, type Arm } from "../../azure/arm";
import { sendAdminCommand } from "../connection/admin_commands";
import type { ConnectionState, ControlMessage } from "../connection/connection";
import { ConsoleConnection, type ConnectionPorts } from "../connection/console_connection";
import { PendingOutput } from "../connection/pending_output";
import type { AdminCommand } from "../connection/session_address";
import type { ConsoleTerminal } from "../terminal/terminal";
import { FIRST_VIEW, type ConsoleView, type Notice } from "./console_view";
import type { Mend } from "./mends";
import { Pasting } from "./pasting";
import { SilenceWatch } from "./silence";

/** The mark that says how soon after the page's start the console could be used. */
const USABLE_MARK = "uartsim-console-usable";
const CTRL_C = "\u0003";
const READ_AFTER_MS = 5000;
/** The newest answers of the terminal are kept until a paste has ended; a guest that asks more often has an answer anyway. */
const MOST_HELD_ANSWERS = 8;

export class ConsoleController {
  private view = FIRST_VIEW;
  private unsent = 0;
  private boot: string | null = null;
  private toldAt = 0;
  /** How often the console was left: what began before that must not connect it again. */
  private timesLeft = 0;
  /** What the terminal has answered during a paste, which it would spoil. */
  private heldAnswers: string[] = [];
  private readonly connection: ConsoleConnection;
  private readonly output: PendingOutput;
  private readonly pasting: Pasting;
  private readonly silence: SilenceWatch;

  /**
   * @param changed told each change of the view.
   * @param pasteLimit the most characters that are pasted without a question.
   */
  constructor(
    private readonly arm: Arm,
    private readonly terminal: ConsoleTerminal,
    ports: ConnectionPorts,
    pasteLimit: number,
    private readonly changed: (view: ConsoleView) => void,
  ) {
    this.output = new PendingOutput(terminal);
    this.silence = new SilenceWatch(ports.after, (silence) => this.update({ silence }));
    this.connection = new ConsoleConnection(ports, {
      onState: (state) => this.stateChanged(state),
      onOutput: (data) => {
        this.silence.heard();
        this.output.output(data);
      },
      onControl: (message) => this.controlled(message),
      onNote: (text) => this.note(text),
      onNotSent: (characters) => this.notSent(characters),
    });
    this.pasting = new Pasting(pasteLimit, {
      type: (text) => this.connection.type(text),
      typedBytes: () => this.connection.typedBytes,
      onAsked: (askedPaste) => this.update({ askedPaste }),
      onProgress: (paste) => {
        this.update({ paste });
        if (paste === null) this.giveAnswers();
      },
      onStopped: (text) => this.tell("warning", text),
    });
  }

  /** Connects, taking the console from whoever has it, unless it is to be watched only. */
  connect(watch?: boolean): void {
    this.update({ mendError: null });
    this.connection.start(watch);
  }

  /** Leaves the console. */
  disconnect(): void {
    this.timesLeft += 1;
    this.connection.stop();
  }

  /** A key, or a short text. */
  type(text: string): void {
    if (this.pasting.isBusy) {
      if (text !== CTRL_C) return this.tell("warning", "A paste is in progress. Your typing was not sent. Wait for the paste to end, or press Ctrl+C to cancel it.");
      this.pasting.cancel();
    }
    if (!this.connection.type(text)) return;
    this.silence.typed(text);
    // Whoever goes on typing has read it.
    if (this.view.notice !== null && performance.now() - this.toldAt > READ_AFTER_MS) this.dismissNotice();
  }

  /** What the terminal answers to a question of the guest; nobody has typed it, so nothing is said where it cannot be sent. */
  answer(text: string): void {
    if (this.view.connection.kind !== "connected" || this.view.connection.watching) return;
    if (this.pasting.isBusy) this.heldAnswers = [...this.heldAnswers, text].slice(-MOST_HELD_ANSWERS);
    else this.connection.type(text);
  }

  paste(text: string): void {
    this.pasting.paste(text);
  }

  answerPaste(pastes: boolean): void {
    this.pasting.answer(pastes);
  }

  cancelPaste(): void {
    this.pasting.cancel();
  }

  resized(columns: number, rows: number): void {
    this.update({ columns, rows });
  }

  tell(kind: Notice["kind"], text: string): void {
    this.toldAt = performance.now();
    this.update({ notice: { kind, text } });
  }

  dismissNotice(): void {
    this.unsent = 0;
    this.update({ notice: null });
  }

  /** Gives an admin command. @throws ArmError the machine did not get it, and why. */
  async command(command: AdminCommand, keys = ""): Promise<void> {
    const session = this.connection.session;
    if (session === null) throw new ArmError(0, "NotConnected", "The console is not connected. Connect it first.");
    if (command === "reset") {
      // The line goes on through a reset, so that the gateway tells of no new boot.
      this.note("A reset of the machine was sent here.");
      this.scrollOut();
    }
    try {
      await sendAdminCommand(this.arm, session, command, keys);
    } catch (error) {
      if (command === "reset") this.note("The service did not confirm this reset of the machine.");
      throw error;
    }
  }

  /** Mends what was refused, and connects again. */
  async mend(mend: Mend): Promise<void> {
    const { timesLeft } = this;
    this.update({ mending: mend.doing, mendError: null });
    try {
      await mend.act();
      if (timesLeft !== this.timesLeft) return;
      this.update({ mending: null });
      // A machine that is started here may have been seen to run, and been connected to, before its start was reported done.
      const { kind } = this.view.connection;
      if (timesLeft === this.timesLeft && kind !== "connected" && kind !== "connecting") this.connection.start();
    } catch (error) {
      this.update({ mending: null, mendError: error instanceof Error ? error.message : String(error) });
    }
  }

  private giveAnswers(): void {
    const answers = this.heldAnswers;
    this.heldAnswers = [];
    for (const answer of answers) this.answer(answer);
  }

  private stateChanged(state: ConnectionState): void {
    if (state.kind !== "connected") {
      this.heldAnswers = [];
      this.pasting.interrupt();
      this.silence.disconnected();
    }
    this.update({ connection: state, ...(state.kind === "connected" ? {} : { holder: null }) });
  }

  private controlled(message: ControlMessage): void {
    switch (message.type) {
      case "hello":
        this.pasting.interrupt();
        this.silence.connected();
        if (this.boot !== null && this.boot !== message.boot) this.beginBoot();
        this.boot = message.boot;
        this.output.step(() => this.terminal.setReplaying(true));
        performance.mark(USABLE_MARK);
        return this.update({ baud: message.baud });
      case "boot":
        this.boot = message.boot;
        return this.beginBoot();
      case "current":
        return this.output.step(() => this.terminal.setReplaying(false));
      case "typed":
        return this.pasting.typed(message.bytes);
      case "holder":
        return this.update({ holder: { user: message.user, you: message.you, watchers: message.watchers } });
      case "note":
        return this.note(message.text);
      case "missing":
        return;
    }
  }

  /** What was on the screen, with the note of the new boot, goes into the scroll-back: firmware and boot loaders clear the screen. */
  private beginBoot(): void {
    this.output.step(() => this.terminal.startBoot());
    this.scrollOut();
  }

  private scrollOut(): void {
    this.output.step(() => {
      const { rows } = this.terminal;
      void this.terminal.write(new TextEncoder().encode(`\u001b[${rows};1H${"\r\n".repeat(rows)}\u001b[H`));
    });
  }

  private note(text: string): void {
    this.output.step(() => this.terminal.note(text));
  }

  private notSent(characters: number): void {
    this.unsent += characters;
    const { connection } = this.view;
    const why = connection.kind === "connected" && connection.watching ? "you are watching only" : "the console is not connected";
    const count = this.unsent === 1 ? "1 character that you typed was" : `${this.unsent.toLocaleString()} characters that you typed were`;
    this.tell("warning", `${count} not sent: ${why}.`);
  }

  private update(part: Partial<ConsoleView>): void {
    this.view = { ...this.view, ...part };
    this.changed(this.view);
  }
}
