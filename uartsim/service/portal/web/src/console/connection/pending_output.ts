/**
 * What the guest has sent and the terminal has not parsed yet.  A page cannot stop a browser from reading a WebSocket, so a
 * machine that floods faster than the terminal draws would fill the memory: beyond the limit the oldest output is given up, and
 * its place says how much it was.
 */

/** How many bytes wait at most: more than the gateway keeps of a boot, so that a history always fits. */
const MOST_WAITING = 4 * 1024 * 1024;

/** The part of a terminal that is used. */
interface OutputTerminal {
  write(data: Uint8Array): Promise<void>;
  note(text: string): void;
}

type Item = Uint8Array | (() => void);

export class PendingOutput {
  private items: Item[] = [];
  private waiting = 0;
  private given = 0;
  private isWriting = false;

  constructor(
    private readonly terminal: OutputTerminal,
    private readonly most = MOST_WAITING,
  ) {}

  output(data: Uint8Array): void {
    this.items.push(data);
    this.waiting += data.length;
    this.makeRoom();
    void this.run();
  }

  /** Does something in its place between the output. */
  step(action: () => void): void {
    this.items.push(action);
    void this.run();
  }

  private makeRoom(): void {
    for (let index = 0; this.waiting > this.most && index < this.items.length - 1; ) {
      const item = this.items[index];
      if (item instanceof Uint8Array) {
        this.items.splice(index, 1);
        this.waiting -= item.length;
        this.given += item.length;
      } else {
        index += 1;
      }
    }
  }

  private async run(): Promise<void> {
    if (this.isWriting) return;
    this.isWriting = true;
    try {
      for (let item = this.items.shift(); item !== undefined; item = this.items.shift()) {
        if (this.given > 0) {
          this.terminal.note(`${this.given.toLocaleString()} bytes are missing here: the browser did not draw them in time.`);
          this.given = 0;
        }
        if (item instanceof Uint8Array) {
          this.waiting -= item.length;
          await this.terminal.write(item);
        } else {
          item();
        }
      }
    } finally {
      this.isWriting = false;
    }
  }
}
