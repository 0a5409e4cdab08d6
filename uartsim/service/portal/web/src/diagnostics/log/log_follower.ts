/**
 * Following a serial log: each time what came to it since, and where something is missing.
 *
 * The service's log keeps the last MiB.  `x-uartsim-log-offset` says how many bytes were written before the first one that is kept, so
 * that a byte has the same number for ever.
 */

/** How a log is: `dropped` bytes were written before its first one, and it has `size` bytes. */
export interface LogState {
  readonly dropped: number;
  readonly size: number;
  readonly etag: string;
}

/** Where a log is read. */
export interface LogSource {
  /**
   * How the log is now.
   *
   * @param etag the log as it was; "" if that is not known.
   * @returns null where it has not changed.
   */
  state(etag: string): Promise<LogState | null>;
  /** The log without its first `skip` bytes, and how many bytes were dropped before it by then. */
  read(skip: number): Promise<{ readonly dropped: number; readonly bytes: Uint8Array }>;
}

/** What came to the log; `missing` bytes before it were gone already; `anew`: it is another log, as after a change of account. */
export interface LogPiece {
  readonly bytes: Uint8Array;
  readonly missing: number;
  readonly anew: boolean;
}

/** How often a read is repeated that the log overtook. */
const MOST_READS = 3;

export class LogFollower {
  private etag = "";
  /** The number of the byte that comes next. */
  private next: number | null = null;
  private dropped = 0;

  constructor(private readonly source: LogSource) {}

  /** What came since the last call; null: nothing. */
  async read(): Promise<LogPiece | null> {
    const state = await this.source.state(this.etag);
    if (state === null) return null;
    const anew = this.next !== null && (state.dropped < this.dropped || state.dropped + state.size < this.next);
    if (anew) this.next = null;
    this.dropped = state.dropped;
    this.etag = state.etag;
    const next = this.next ?? state.dropped;
    if (next >= state.dropped + state.size) return anew ? { bytes: new Uint8Array(), missing: 0, anew } : null;
    const { from, bytes } = await this.readFrom(next, state.dropped);
    const missing = this.next === null ? 0 : from - next;
    this.next = from + bytes.length;
    return { bytes, missing, anew };
  }

  /** The log from a byte on, or from the oldest one that is still kept. */
  private async readFrom(next: number, dropped: number): Promise<{ from: number; bytes: Uint8Array }> {
    let known = dropped;
    for (let reads = 1; ; reads += 1) {
      const skip = Math.max(next - known, 0);
      const answer = await this.source.read(skip);
      const from = answer.dropped + skip;
      // The log has dropped bytes since it was asked how it is: so many bytes too many were left out.
      if (from <= next || skip === 0 || reads === MOST_READS) return { from, bytes: answer.bytes };
      known = answer.dropped;
    }
  }
}
