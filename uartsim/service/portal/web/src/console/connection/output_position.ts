/** How much of which boot's output has been shown: where a broken connection goes on, without repeating anything. */
import type { ControlMessage } from "./connection";
import type { Position } from "./session_address";

export class OutputPosition {
  private boot: string | null = null;
  private next = 0;
  private repeated = 0;

  /** Where the history of the next connection is to begin; null before the first one. */
  resume(): Position | null {
    return this.boot === null ? null : { boot: this.boot, from: this.next };
  }

  /** Counts output; returns the part of it that was not shown before. */
  take(data: Uint8Array): Uint8Array {
    const skipped = Math.min(this.repeated, data.length);
    this.repeated -= skipped;
    this.next += data.length - skipped;
    return data.subarray(skipped);
  }

  /** Follows a control message; returns what is to be said at this place of the output, or null. */
  follow(message: ControlMessage): string | null {
    switch (message.type) {
      case "hello":
        return this.hello(message.boot, message.from);
      case "boot":
        this.begin(message.boot, message.from);
        return "The machine has started again.";
      case "missing":
        this.next += message.bytes;
        return missing(message.bytes);
      default:
        return null;
    }
  }

  private hello(boot: string, from: number): string | null {
    if (boot !== this.boot) {
      const isFirst = this.boot === null;
      this.begin(boot, from);
      return isFirst ? null : "The machine has started again; the end of the output before that is not shown.";
    }
    this.repeated = Math.max(0, this.next - from);
    const lost = Math.max(0, from - this.next);
    this.next += lost;
    return lost === 0 ? null : missing(lost);
  }

  private begin(boot: string, from: number): void {
    this.boot = boot;
    this.next = from;
    this.repeated = 0;
  }
}

function missing(bytes: number): string {
  return `${bytes.toLocaleString()} bytes are missing here: they were not read in time.`;
}
