/** Notices that a console says nothing: after it was connected, or after Enter was pressed. */

/** What has not come: anything since the console was connected, or an answer since Enter was pressed. */
export type Silence = "none" | "no-output" | "no-answer";

/** How long a machine may be silent before the page says what can be done, in milliseconds. */
const SILENT_AFTER_MS = 5000;

export class SilenceWatch {
  private present: Silence = "none";
  private hasHeard = false;
  private callOff: () => void = () => undefined;

  /**
   * @param after calls an action after so many milliseconds; what it returns calls that off.
   * @param changed told each change.
   */
  constructor(
    private readonly after: (milliseconds: number, action: () => void) => () => void,
    private readonly changed: (silence: Silence) => void,
  ) {}

  connected(): void {
    if (!this.hasHeard) this.wait("no-output");
  }

  /** The guest has sent something. */
  heard(): void {
    this.hasHeard = true;
    this.rest();
  }

  /** Something was typed: an Enter is always answered by a machine that listens. */
  typed(text: string): void {
    if (text.includes("\r") && this.present === "none") this.wait("no-answer");
  }

  disconnected(): void {
    this.rest();
  }

  private wait(silence: Silence): void {
    this.callOff();
    this.callOff = this.after(SILENT_AFTER_MS, () => this.set(silence));
  }

  private rest(): void {
    this.callOff();
    this.set("none");
  }

  private set(silence: Silence): void {
    if (silence === this.present) return;
    this.present = silence;
    this.changed(silence);
  }
}
