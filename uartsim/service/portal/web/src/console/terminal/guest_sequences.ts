/**
 * What a guest's control sequences may do, beyond drawing.
 *
 * The guest is not trusted: whoever may write to its console (a log line is enough) must not reach the clipboard, the page or
 * the keyboard of the person who looks at it. What a terminal answers is typed to the guest, where a shell may read it.
 *
 * | sequence                                | decision | why |
 * |-----------------------------------------|----------|-----|
 * | CSI c, CSI > c (DA1, DA2)               | answered | a fixed text; programs ask when they start |
 * | CSI 5 n, CSI 6 n, CSI ? 6 n (DSR)       | answered | digits only; `resize`, readline and editors need the cursor's position |
 * | the same in history that is replayed    | silent   | the one that asked is long gone: a shell would read the answer |
 * | more than `ANSWERS_A_SECOND`            | silent   | a flood of queries must not crowd out what is typed |
 * | CSI $ p, CSI ? $ p (DECRQM)             | silent   | programs go on without |
 * | DCS $ q (DECRQSS), CSI > q (XTVERSION)  | silent   | terminals have been made to type commands by such answers |
 * | CSI ? 1004 h (focus reports)            | silent   | a program that died with it on leaves junk at the shell on every click |
 * | CSI t (window: move, size, title, report) | ignored | the page belongs to the user; a title report types what the guest chose |
 * | OSC 0, 1, 2 (title), OSC 7, 9, 777 ...  | ignored  | the page's title says which machine it shows |
 * | OSC 4, 5, 10 to 19, 104 to 119 (colours) | ignored | they could make text unreadable; queries have answers |
 * | OSC 52, OSC 5522 (clipboard)            | ignored  | reads or overwrites the user's clipboard |
 * | OSC 8 (links)                           | kept     | http and https only, shown in full, asked before opened: links.ts |
 * | OSC 1337, sixel, other images           | ignored  | nothing here draws them |
 * | CSI 3 J, CSI ? 3 J (erase the scroll-back) | ignored | what came before a boot, or an intrusion, stays to be read |
 * | CSI 2 J (erase the screen)              | kept     | what was on it goes into the scroll-back |
 * | ESC c (RIS)                             | replaced | puts the modes back and erases the screen as CSI 2 J does: full_reset.ts |
 * | BEL                                     | ignored  | a flood of them would be a nuisance |
 * | CSI n L, M, S, T, I, Z, b               | kept     | but after `LONG_MS` of them the page gets its turn |
 * | CSI n L, M, S, T with n beyond the rows | as n = rows | more has no further effect, but xterm.js takes each step |
 * | CSI n I, Z, b with n beyond `MOST_REPEATS` | ignored | each step takes time or memory; xterm.js would try 2^31 |
 * | CSI n @, P, ' }, ' ~                    | kept     | xterm.js bounds n; with turns of the page as above |
 * | CSI ? 1000 h ... (mouse)                | kept     | as in any terminal: clicks are typed; Shift selects text |
 */

import type { IDisposable, Terminal } from "@xterm/xterm";
import { pageTurn } from "./page_turn";

/** Answers to the guest in a second; the rest is dropped. */
const ANSWERS_A_SECOND = 20;

/** The most tabs or characters that one sequence may jump or repeat. */
const MOST_REPEATS = 500;

/** How long a row of such sequences may take before the page gets its turn, in milliseconds. */
const LONG_MS = 10;

const IGNORED_OSC = [0, 1, 2, 4, 5, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 52, 104, 105, 110, 111, 112, 777, 1337, 5522];
const LINES_CSI = ["L", "M", "S", "T"];
const REPEATING_CSI = ["I", "Z", "b"];
const CELLS_CSI = [{ final: "@" }, { final: "P" }, { intermediates: "'", final: "}" }, { intermediates: "'", final: "~" }];
/** A sequence that inserts, deletes or scrolls lines, as programs write it. */
const COUNTED_LINES = /\x1b\[(\d+)([LMST])/g;

/** What xterm.js sends when the page gains or loses the focus, if the guest asks for it. */
const FOCUS_REPORTS: ReadonlySet<string> = new Set(["\x1b[I", "\x1b[O"]);

/** Whether data that xterm.js would send is one that a guest must not get. */
export function isFocusReport(data: string): boolean {
  return FOCUS_REPORTS.has(data);
}

/** Lets through so many calls in a second. */
export class Rate {
  readonly #perSecond: number;
  readonly #now_ms: () => number;
  #begun_ms = -Infinity;
  #count = 0;

  constructor(perSecond: number, now_ms: () => number = () => performance.now()) {
    this.#perSecond = perSecond;
    this.#now_ms = now_ms;
  }

  allows(): boolean {
    const now_ms = this.#now_ms();
    if (now_ms - this.#begun_ms >= 1000) {
      this.#begun_ms = now_ms;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= this.#perSecond;
  }
}

/** The answer to a device status report, CSI n or CSI ? n, or null. The cursor's column and row count from 1. */
export function statusReport(parameter: unknown, prefix: "" | "?", column: number, row: number): string | null {
  if (parameter === 6) return `\x1b[${prefix}${row};${column}R`;
  if (parameter === 5 && prefix === "") return "\x1b[0n";
  return null;
}

/** The guest's text with the counts of lines bounded to the rows of the screen, beyond which they have no further effect. */
export function boundLineCounts(text: string, rows: number): string {
  return text.replace(COUNTED_LINES, (sequence, count: string, final: string) => (Number(count) > rows ? `\x1b[${rows}${final}` : sequence));
}

/**
 * Makes the terminal do with sequences what the table says.
 *
 * @param answer Gets each answer to the guest, unless `isReplaying()`.
 */
export function limitSequences(terminal: Terminal, isReplaying: () => boolean, answer: (text: string) => void): IDisposable[] {
  const { parser } = terminal;
  const rate = new Rate(ANSWERS_A_SECOND);
  const reply = (text: string | null) => {
    if (text !== null && !isReplaying() && rate.allows()) answer(text);
    return true;
  };
  const status = (prefix: "" | "?") => (params: (number | number[])[]) => {
    const buffer = terminal.buffer.active;
    return reply(statusReport(params[0], prefix, Math.min(buffer.cursorX + 1, terminal.cols), buffer.cursorY + 1));
  };
  const ignore = () => true;
  return [
    parser.registerCsiHandler({ final: "J" }, (params) => params[0] === 3),
    parser.registerCsiHandler({ prefix: "?", final: "J" }, (params) => params[0] === 3),
    // One with a control character in it, which the text does not show.
    parser.registerEscHandler({ final: "c" }, ignore),
    parser.registerCsiHandler({ final: "c" }, (params) => reply(params[0] === 0 ? "\x1b[?1;2c" : null)),
    parser.registerCsiHandler({ prefix: ">", final: "c" }, (params) => reply(params[0] === 0 ? "\x1b[>0;276;0c" : null)),
    parser.registerCsiHandler({ final: "n" }, status("")),
    parser.registerCsiHandler({ prefix: "?", final: "n" }, status("?")),
    parser.registerCsiHandler({ intermediates: "$", final: "p" }, ignore),
    parser.registerCsiHandler({ prefix: "?", intermediates: "$", final: "p" }, ignore),
    parser.registerCsiHandler({ prefix: ">", final: "q" }, ignore),
    parser.registerCsiHandler({ final: "t" }, ignore),
    parser.registerDcsHandler({ intermediates: "$", final: "q" }, ignore),
    ...IGNORED_OSC.map((number) => parser.registerOscHandler(number, ignore)),
    // What `boundLineCounts` has not seen, because it is written in an unusual way or split over chunks, is dropped.
    ...LINES_CSI.map((final) => parser.registerCsiHandler({ final }, boundedRepeats(() => terminal.rows))),
    ...REPEATING_CSI.map((final) => parser.registerCsiHandler({ final }, boundedRepeats(() => MOST_REPEATS))),
    ...CELLS_CSI.map((id) => parser.registerCsiHandler(id, boundedRepeats(() => Infinity))),
  ];
}

/** A handler that drops sequences with great counts, and lets xterm.js do the others, with turns of the page between them. */
function boundedRepeats(most: () => number): (params: (number | number[])[]) => boolean | Promise<boolean> {
  let turn_ms = 0;
  return (params) => {
    if (typeof params[0] === "number" && params[0] > most()) return true;
    const now_ms = performance.now();
    // The first in a while begins a new row of them.
    if (now_ms - turn_ms > 2 * LONG_MS) turn_ms = now_ms;
    if (now_ms - turn_ms < LONG_MS) return false;
    return pageTurn().then(() => {
      turn_ms = performance.now();
      return false;
    });
  };
}

/**
 * What puts a terminal back when another boot begins: CAN ends an unfinished sequence; then the main screen, no mouse, no
 * bracketed paste, the cursor shown, soft reset, and the character sets of ASCII. The scroll-back stays.
 */
export const BOOT_BEGINS =
  "\x18\x1b[?1049l\x1b[?47l\x1b[?9;1000;1002;1003;1005;1006;1015;1016l\x1b[?2004;2026;66;1l\x1b[?25h\x1b[!p\x1b[?7h\x0f\x1b(B\x1b)B\x1b[m\x1b>";
