/**
 * The text of a serial log, in chunks of lines that do not change once they are full: what draws them, and what searches them, looks
 * at each once.
 */
import { pause } from "../../azure/pause";
import { isNote, readableLine, type SequenceView } from "./readable_line";

type LineKind = "guest" | "service" | "missing";

export interface LogLine {
  readonly text: string;
  readonly kind: LineKind;
}

/** Some lines of the log, one after the other. */
export interface LogChunk {
  /** Differs from that of every other chunk of the document. */
  readonly id: number;
  readonly lines: readonly LogLine[];
  /** The length of its longest line, and of all of them, in UTF-16 units. */
  readonly columns: number;
  readonly characters: number;
}

const LINES_PER_CHUNK = 200;
const CHARACTERS_PER_CHUNK = 16_384;
/** A line is shown, and begun anew, after so many characters, whether its end has come or not. */
const LONGEST_OPEN_LINE = 16_384;
/** So much of a log is kept in the page, in bytes and in characters: the service keeps the last MiB, but a page may be open for long. */
export const KEPT_BYTES = 8 * 1024 * 1024;

/** A long log is taken in and drawn in slices of so many bytes, between which the page does what the user asks. */
export const SLICE_BYTES = 32_768;

export class LogDocument {
  private full: LogChunk[] = [];
  private fullCharacters = 0;
  private lines: LogLine[] = [];
  private characters = 0;
  private open = "";
  private openLines: LogLine[] = [];
  private lastId = 0;
  private lineCount = 0;
  private received: (Uint8Array | number)[] = [];
  private receivedBytes = 0;
  /** How many of the pieces that were received are forgotten. */
  private forgotten = 0;
  private decoder = new TextDecoder();

  constructor(readonly view: SequenceView = "hidden") {}

  /** How many lines it has. */
  get length(): number {
    return this.lineCount + this.openLines.length;
  }

  /** What came to the log next. */
  append(bytes: Uint8Array): void {
    this.received.push(bytes);
    this.receivedBytes += bytes.length;
    const ended = (this.open + this.decoder.decode(bytes, { stream: true })).split("\n");
    this.open = ended.pop() ?? "";
    for (const line of ended) this.add(this.withoutLongStart(line));
    this.open = this.withoutLongStart(this.open);
    this.openLines = this.open === "" ? [] : linesOf(this.open, this.view);
    this.forget();
  }

  /** So many bytes were gone from the log before they could be read. */
  missing(bytes: number): void {
    this.received.push(bytes);
    if (this.open !== "") this.add(this.open);
    this.open = "";
    this.openLines = [];
    this.decoder = new TextDecoder();
    this.push(`--- ${bytes} bytes are missing here: the log moved on faster than it was read ---`, "missing");
  }

  /** All chunks; the same objects as before, but for the last one. */
  chunks(): readonly LogChunk[] {
    const rest = [...this.lines, ...this.openLines];
    return rest.length === 0 ? [...this.full] : [...this.full, chunkOf(this.lastId + 1, rest)];
  }

  /** What was received, byte for byte, for a download. */
  bytes(): Uint8Array[] {
    return this.received.filter((piece) => typeof piece !== "number");
  }

  /**
   * Makes the same log with another view of control sequences, slice by slice; what comes to this one meanwhile is in the other too.
   *
   * @param done gets the other as soon as it has all, before anything else can come to this one.
   * @throws the reason of `signal` if that is aborted before.
   */
  async showAs(view: SequenceView, signal: AbortSignal, done: (other: LogDocument) => void): Promise<void> {
    const other = new LogDocument(view);
    let room = SLICE_BYTES;
    for (let next = this.forgotten; next < this.forgotten + this.received.length; next = Math.max(next + 1, this.forgotten)) {
      const piece = this.received[next - this.forgotten] ?? 0;
      if (typeof piece === "number") other.missing(piece);
      else other.append(piece);
      room -= typeof piece === "number" ? 1 : piece.length;
      if (room > 0) continue;
      room = SLICE_BYTES;
      await pause(0, signal);
    }
    done(other);
  }

  /** Adds a line's start, in pieces, as far as it is too long; returns the rest. */
  private withoutLongStart(line: string): string {
    let from = 0;
    for (; line.length - from > LONGEST_OPEN_LINE; from += LONGEST_OPEN_LINE) this.add(line.slice(from, from + LONGEST_OPEN_LINE));
    return line.slice(from);
  }

  private add(line: string): void {
    for (const { text, kind } of linesOf(line, this.view)) this.push(text, kind);
  }

  private push(text: string, kind: LineKind): void {
    this.lines.push({ text, kind });
    this.lineCount += 1;
    this.characters += text.length;
    if (this.lines.length < LINES_PER_CHUNK && this.characters < CHARACTERS_PER_CHUNK) return;
    this.lastId += 1;
    this.full.push(chunkOf(this.lastId, this.lines));
    this.fullCharacters += this.characters;
    this.lines = [];
    this.characters = 0;
  }

  private forget(): void {
    while (this.receivedBytes > KEPT_BYTES && this.received.length > 1) {
      const gone = this.received.shift();
      this.forgotten += 1;
      this.receivedBytes -= typeof gone === "object" ? gone.length : 0;
    }
    while (this.fullCharacters > KEPT_BYTES && this.full.length > 1) {
      const gone = this.full.shift();
      this.fullCharacters -= gone?.characters ?? 0;
      this.lineCount -= gone?.lines.length ?? 0;
    }
  }
}

function linesOf(line: string, view: SequenceView): LogLine[] {
  const kind = isNote(line) ? "service" : "guest";
  return readableLine(line, view).map((text) => ({ text, kind }));
}

function chunkOf(id: number, lines: readonly LogLine[]): LogChunk {
  const lengths = lines.map((line) => line.text.length);
  return { id, lines, columns: Math.max(...lengths), characters: lengths.reduce((sum, length) => sum + length, 0) };
}
