/** Pastes: short ones at once, longer ones after a question, at the speed of the line. */
import { PastePump, type PasteProgress } from "../connection/paste_pump";
import { PASTE_BEGINS, PASTE_ENDS } from "../terminal/paste_text";

interface PastingPorts {
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
  private isBracketed = false;
  private taken = 0;

  /** @param limit the most characters that are pasted without a question. */
  constructor(
    private readonly limit: number,
    private readonly ports: PastingPorts,
  ) {}

  /** A paste is in progress. */
  get isBusy(): boolean {
    return this.pump !== null;
  }

  paste(text: string): void {
    if (this.pump !== null) {
      this.ports.onStopped("A paste is in progress. Your second paste was not sent. Wait for the first to end, or cancel it.");
    } else if (hasMoreThan(this.limit, text)) {
      this.ask(text);
    } else {
      this.ports.type(text);
    }
  }

  /** The user answers the question. */
  answer(pastes: boolean): void {
    const text = this.asked;
    this.ask(null);
    if (text === null || !pastes) return;
    this.isBracketed = text.startsWith(PASTE_BEGINS);
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
    const unsent = this.stop("The paste was cancelled");
    // Without its end mark the guest would take all that is typed from now on for more of the paste.
    if (this.isBracketed && unsent > 0) this.ports.type(PASTE_ENDS.slice(-unsent));
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

  /** Returns how many bytes of the paste were not sent. */
  private stop(why: string): number {
    const pump = this.pump;
    if (pump === null) return 0;
    this.pump = null;
    const { bytes, taken } = pump.progress;
    const unsent = pump.cancel();
    this.ports.onProgress(null);
    this.ports.onStopped(
      `${why}: the machine received ${taken.toLocaleString()} of ${bytes.toLocaleString()} bytes; ` +
        `up to ${(bytes - unsent - taken).toLocaleString()} more may arrive.`,
    );
    return unsent;
  }

  private ask(text: string | null): void {
    this.asked = text;
    this.ports.onAsked(text);
  }
}

/** Whether a paste has more characters than so many, without the marks around it. */
function hasMoreThan(limit: number, text: string): boolean {
  let left = limit + (text.startsWith(PASTE_BEGINS) ? PASTE_BEGINS.length + PASTE_ENDS.length : 0);
  for (let at = 0; at < text.length; at += (text.codePointAt(at) ?? 0) < 0x10000 ? 1 : 2) {
    left -= 1;
    if (left < 0) return true;
  }
  return false;
}
