/**
 * Following a serial log: each time what came to it since, and where something is missing.
 *
 * The service's log keeps the last MiB, in which a byte has the same number for ever: that of all bytes before it, the forgotten ones
 * too (`x-uartsim-log-offset`, docs/azure-rest.md).
 */

/** Where a log is read. */
export interface LogSource {
  /**
   * Reads the log from a byte on, or from the oldest one that is kept.
   *
   * @param since the number of the byte; null for the oldest.
   * @param etag the log as it was read last; "" if it was not.
   * @returns the bytes and the number of the first one; `unchanged`; or `other`, where there are fewer bytes than `since`.
   */
  read(since: number | null, etag: string): Promise<LogAnswer | "unchanged" | "other">;
}

export interface LogAnswer {
  readonly from: number;
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/** What came to the log; `missing` bytes before it were gone already; `anew`: it is another log, as after a change of account. */
interface LogPiece {
  readonly bytes: Uint8Array;
  readonly missing: number;
  readonly anew: boolean;
}

export class LogFollower {
  private etag = "";
  /** The number of the byte that comes next. */
  private next: number | null = null;

  constructor(private readonly source: LogSource) {}

  /** What came since the last call; null: nothing. */
  async read(): Promise<LogPiece | null> {
    const answer = await this.source.read(this.next, this.etag);
    if (answer === "unchanged") return null;
    if (answer === "other") {
      this.next = null;
      this.etag = "";
      const piece = await this.read();
      return { bytes: piece?.bytes ?? new Uint8Array(), missing: 0, anew: true };
    }
    const missing = this.next === null ? 0 : answer.from - this.next;
    this.next = answer.from + answer.bytes.length;
    this.etag = answer.etag;
    return answer.bytes.length === 0 && missing === 0 ? null : { bytes: answer.bytes, missing, anew: false };
  }
}
