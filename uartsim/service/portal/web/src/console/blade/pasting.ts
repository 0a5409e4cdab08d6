/** Pastes: short ones at once, longer ones after a question, at the speed of the line. */
import { PastePump, type PasteProgress } from "../connection/paste_pump";

export interface PastingPorts {
  /** Types something; false if that is not possible. */
  type(text: string): boolean;
  /** How many bytes the present WebSocket has been given to type. */
  typedBytes(): number;
  onAsked(text: string | null): void;
  onProgress(progress: PasteProgress | null): void;
  /** The paste has ended before its end. */
  onStopped(text: string): void;
}

export class Pasting {
  private asked: string | null = null;
  private pump: PastePump | null = null;
  private taken = 0;

  /** @param limit the most characters that are pasted without a question. */
  constructor(
    private readonly limit: number,
    private readonly ports: PastingPorts,
  ) {}

  /** A paste goes on. */
  get isBusy(): boolean {
    return this.pump !== null;
  }

  paste(text: string): void {
    if (this.pump !== null) {
      this.ports.onStopped("A paste goes on: what you pasted now was not sent. Wait for its end, or cancel it.");
    } else if (text.length > 2 * this.limit || [...text].length > this.limit) {
      this.ask(text);
    } else {
      this.ports.type(text);
    }
  }

  /**
   * Types what the terminal answers to a question of the guest, unless a paste goes on: it must arrive byte for byte. Such an
   * answer is dropped, because after the paste the program that asked would no longer wait for it, and a shell would read it.
   */
  answerGuest(text: string): void {
    if (this.pump === null) this.ports.type(text);
  }

  /** The user answers the question. */
  answer(pastes: boolean): void {
    const text = this.asked;
    this.ask(null);
    if (text === null || !pastes) return;
    this.pump = new PastePump(text, this.ports.typedBytes(), this.ports.type);
    this.step();
  }

  /** The line has taken so many bytes of what this WebSocket has typed. */
  typed(bytes: number): void {
    this.taken = bytes;
    this.step();
  }

  /** A WebSocket has opened or closed: what was on its way is not known any more. */
  interrupt(): void {
    this.taken = 0;
    this.stop("The paste has stopped, because the connection was interrupted");
  }

  cancel(): void {
    this.stop("The paste was cancelled");
  }

  private step(): void {
    const pump = this.pump;
    if (pump === null) return;
    if (!pump.pump(this.taken)) {
      this.stop("The paste has stopped, because the console is not connected");
    } else if (pump.isDone) {
      this.pump = null;
      this.ports.onProgress(null);
    } else {
      this.ports.onProgress(pump.progress);
    }
  }

  private stop(why: string): void {
    const pump = this.pump;
    if (pump === null) return;
    this.pump = null;
    const { bytes, taken } = pump.progress;
    const unsent = pump.cancel();
    this.ports.onProgress(null);
    this.ports.onStopped(
      `${why}: the machine has got ${taken.toLocaleString()} of ${bytes.toLocaleString()} bytes, ` +
        `and may still get ${(bytes - unsent - taken).toLocaleString()} that were on their way.`,
    );
  }

  private ask(text: string | null): void {
    this.asked = text;
    this.ports.onAsked(text);
  }
}
