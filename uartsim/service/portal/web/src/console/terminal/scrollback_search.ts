/**
 * Searching the scroll-back.
 *
 * xterm's search add-on (0.16.0) goes through the whole buffer at one go, and again whenever the guest sends something: for a
 * text that is not among 100,000 lines, the page stood still for 0.3 to 1.4 s in Chromium. This search goes through whole lines with turns of the page in between, counts, and
 * marks only what is in view. It knows the matches by markers that xterm.js moves as output scrolls.
 */

import type { IDecoration, Terminal } from "@xterm/xterm";
import { cellOfOffset, matchesIn, searchPattern } from "./search_pattern";
import { eachWholeLine, wholeLine } from "./scrollback_text";
import type { SearchQuery, SearchResult } from "./terminal";

/** The most matches that are counted. */
const MATCH_LIMIT = 200_000;

/** The most matches that are marked in view, besides the one that is selected. */
const MARK_LIMIT = 500;

const NOTHING: SearchResult = { matches: 0, more: false, current: 0, problem: null };

interface Match {
  /** The first row of the whole line, from the top of the scroll-back. */
  readonly row: number;
  /** Place and length in the text of the whole line, in UTF-16 units. */
  readonly offset: number;
  readonly length: number;
}

/** Searches one terminal. */
export class ScrollbackSearch {
  readonly #terminal: Terminal;
  #marks: IDecoration[] = [];
  #pattern: RegExp | null = null;
  /** What was looked for last. */
  #last = "";
  /** What was found, until the terminal's content changes. */
  #found: { readonly key: string; readonly matches: Match[]; readonly more: boolean } | null = null;
  /** Counts searches: one that finds itself not to be the newest ends. */
  #newest = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    terminal.onScroll(() => this.#markView());
    terminal.onWriteParsed(() => this.#changed());
    terminal.onResize(() => this.#changed());
  }

  async find(query: SearchQuery, direction: "next" | "previous"): Promise<SearchResult> {
    const number = ++this.#newest;
    this.#unmark();
    this.#pattern = null;
    if (query.text === "") return NOTHING;
    const pattern = searchPattern(query);
    if (typeof pattern === "string") return { ...NOTHING, problem: pattern };
    const { matches, more } = await this.#matches(pattern, () => number === this.#newest);
    if (number !== this.#newest) return NOTHING;
    this.#pattern = pattern;
    // While a query is being typed, the match that is selected stays, if it still is one.
    const stays = String(pattern) !== this.#last;
    this.#last = String(pattern);
    const current = this.#choose(matches, direction, stays);
    const match = matches[current];
    if (match !== undefined) this.#show(match);
    else this.#terminal.clearSelection();
    this.#markView();
    return { matches: matches.length, more, current: current + 1, problem: null };
  }

  end(): void {
    this.#newest += 1;
    this.#pattern = null;
    this.#unmark();
  }

  #changed(): void {
    this.#found = null;
    this.#markView();
  }

  /** All matches in the scroll-back as it is now. */
  async #matches(pattern: RegExp, wanted: () => boolean): Promise<{ matches: Match[]; more: boolean }> {
    const key = String(pattern);
    if (this.#found?.key === key) return this.#found;
    const { active } = this.#terminal.buffer;
    // Output that comes meanwhile moves the rows up, and this marker with them.
    const anchor = active.type === "normal" ? this.#terminal.registerMarker(0) : undefined;
    const begun = anchor?.line ?? 0;
    const moved = () => begun - (anchor?.line ?? 0);
    const matches: Match[] = [];
    let more = false;
    await eachWholeLine(this.#terminal, ({ text, row }) => {
      for (const found of matchesIn(text, pattern)) {
        more = matches.length === MATCH_LIMIT;
        if (more) return false;
        matches.push({ row: row + moved(), ...found });
      }
      return wanted();
    });
    const kept = matches.map((match) => ({ ...match, row: match.row - moved() })).filter(({ row }) => row >= 0);
    if (moved() === 0) this.#found = { key, matches: kept, more };
    anchor?.dispose();
    return { matches: kept, more };
  }

  /** The index of the match after or before the selection, or at it if that may stay, all round; -1 if there is none. */
  #choose(matches: readonly Match[], direction: "next" | "previous", stays: boolean): number {
    if (matches.length === 0) return -1;
    const selected = this.#terminal.getSelectionPosition();
    // Without a selection the newest is looked at first, as one looks at a log: from below.
    if (selected === undefined) return direction === "next" ? 0 : matches.length - 1;
    const { x, y } = selected.start;
    const place = (match: Match) => {
      if (match.row > y) return 1;
      const start = this.#start(match);
      return start.y === y ? start.x - x : start.y - y;
    };
    if (direction === "next") {
      const line = this.#lineStart(y);
      const after = matches.findIndex((match) => match.row >= line && place(match) > (stays ? -1 : 0));
      return after === -1 ? 0 : after;
    }
    const before = matches.findLastIndex((match) => match.row <= y && place(match) < (stays ? 1 : 0));
    return before === -1 ? matches.length - 1 : before;
  }

  /** The first row of the line that a row belongs to. */
  #lineStart(row: number): number {
    let first = row;
    while (first > 0 && this.#terminal.buffer.active.getLine(first)?.isWrapped === true) first -= 1;
    return first;
  }

  /** The cell in which a match begins. */
  #start(match: Match): { x: number; y: number } {
    const cells = cellOfOffset(this.#terminal.buffer.normal, match.row, match.offset);
    return { x: cells % this.#terminal.cols, y: match.row + Math.floor(cells / this.#terminal.cols) };
  }

  /** How many cells a match takes. */
  #width(match: Match): number {
    const { normal } = this.#terminal.buffer;
    const end = cellOfOffset(normal, match.row, match.offset + match.length);
    return Math.max(1, end - cellOfOffset(normal, match.row, match.offset));
  }

  #show(match: Match): void {
    const { x, y } = this.#start(match);
    this.#terminal.select(x, y, this.#width(match));
    const { viewportY } = this.#terminal.buffer.active;
    const { rows } = this.#terminal;
    if (y < viewportY || y >= viewportY + rows) this.#terminal.scrollToLine(Math.max(0, y - Math.floor(rows / 2)));
  }

  /** Marks the matches in view. */
  #markView(): void {
    this.#unmark();
    const { active } = this.#terminal.buffer;
    if (this.#pattern === null || active.type !== "normal") return;
    let row = this.#lineStart(active.viewportY);
    while (row < active.viewportY + this.#terminal.rows && this.#marks.length < MARK_LIMIT) {
      const line = wholeLine(active, row);
      for (const found of matchesIn(line.text, this.#pattern)) this.#mark({ row, ...found });
      row += line.rows;
    }
  }

  #mark(match: Match): void {
    const { active } = this.#terminal.buffer;
    const { x, y } = this.#start(match);
    const marker = this.#terminal.registerMarker(y - active.baseY - active.cursorY);
    const width = Math.min(this.#width(match), this.#terminal.cols - x);
    const mark = this.#terminal.registerDecoration({ marker, x, width });
    if (mark === undefined) return;
    const selected = this.#terminal.getSelectionPosition()?.start;
    const isCurrent = selected?.x === x && selected.y === y;
    mark.onRender((element) => element.classList.add("terminal-match", ...(isCurrent ? ["terminal-match-current"] : [])));
    mark.onDispose(() => marker.dispose());
    this.#marks.push(mark);
  }

  #unmark(): void {
    for (const mark of this.#marks.splice(0)) mark.dispose();
  }
}
