/** Finding a text in a log: how often it is there, and where in a chunk. */
import { literalPattern } from "../../ui/literal_pattern";
import type { LogChunk } from "./log_document";

export interface LogMatch {
  /** The index of the line in its chunk; where in the line it begins and ends. */
  readonly line: number;
  readonly from: number;
  readonly to: number;
}

/** Where the n-th match is. */
export interface MatchPlace {
  readonly chunkId: number;
  /** Which of the chunk's matches it is, from 0. */
  readonly index: number;
}

export class LogSearch {
  private readonly pattern: RegExp;
  private readonly counts = new WeakMap<LogChunk, number>();

  /** @param text what is looked for, as it is written: no pattern; not empty. */
  constructor(
    readonly text: string,
    readonly matchCase: boolean,
  ) {
    this.pattern = new RegExp(literalPattern(text), matchCase ? "gu" : "giu");
  }

  /** The matches in a chunk. */
  in(chunk: LogChunk): LogMatch[] {
    return chunk.lines.flatMap((line, index) =>
      Array.from(line.text.matchAll(this.pattern), (match) => ({ line: index, from: match.index, to: match.index + match[0].length })),
    );
  }

  /** How many matches there are in all. */
  count(chunks: readonly LogChunk[]): number {
    return chunks.reduce((sum, chunk) => sum + this.countIn(chunk), 0);
  }

  /** Where the match with this number is, from 0; null if there are not so many. */
  place(chunks: readonly LogChunk[], number: number): MatchPlace | null {
    let before = 0;
    for (const chunk of chunks) {
      const here = this.countIn(chunk);
      if (number < before + here) return { chunkId: chunk.id, index: number - before };
      before += here;
    }
    return null;
  }

  private countIn(chunk: LogChunk): number {
    let found = this.counts.get(chunk);
    if (found === undefined) {
      // All lines at once: what is looked for has no line feed, so that no match reaches from one line into the next.
      const text = chunk.lines.map((line) => line.text).join("\n");
      found = text.match(this.pattern)?.length ?? 0;
      this.counts.set(chunk, found);
    }
    return found;
  }
}
