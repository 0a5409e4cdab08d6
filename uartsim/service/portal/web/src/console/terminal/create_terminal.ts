/** Makes the terminal of a console out of xterm.js, its add-ons and the modules beside this one. */

import { Unicode11Addon } from "@xterm/addon-unicode11";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import "./terminal.css";
import type { Theme } from "../../ui/page_theme";
import { boundAnnouncements } from "./announcements";
import { TerminalClipboard } from "./clipboard";
import { colouredText } from "./coloured_text";
import { fitCommand } from "./fit_command";
import { FullResets } from "./full_reset";
import { BOOT_BEGINS, boundLineCounts, isFocusReport, limitSequences } from "./guest_sequences";
import { isBrowserKey, pageKey, type PageKey } from "./key_handler";
import { addLinks } from "./links";
import { Notes } from "./notes";
import { OutputDecoder } from "./output_decoder";
import { OutputQueue } from "./output_queue";
import { allowSpanStyles, withStylesAllowed } from "./policy";
import { drawByWebgl } from "./renderer";
import { ScreenKeys } from "./screen_keys";
import { scrollbackText } from "./scrollback_text";
import { ScrollbackSearch } from "./scrollback_search";
import { type ConsoleTerminal, type SearchQuery, type TerminalEvents, type TerminalOptions, type TerminalSize, PIXELS_A_POINT, TEXT_POINTS } from "./terminal";
import { SizeKeeper } from "./terminal_size";
import { LEAST_CONTRAST, themeColours } from "./themes";
import { typeInsertedText } from "./text_input";
import { scrollByTouch } from "./touch_scroll";

/** How many lines are kept above the screen. */
const SCROLLBACK_LINES = 100_000;

/** The performance measure of each write, from the call of `write` to xterm's call-back; its detail is the number of bytes. */
const WRITE_MEASURE = "uartsim:terminal-write";

const FONTS = '"Cascadia Mono", "DejaVu Sans Mono", "Noto Sans Mono", Menlo, Consolas, "Liberation Mono", monospace';

/** Makes a terminal in `parent`, which it fills. */
export function createTerminal(parent: HTMLElement, events: TerminalEvents, options: TerminalOptions): ConsoleTerminal {
  allowSpanStyles();
  const host = part(parent, "terminal-host");
  const terminal = new Terminal({
    allowProposedApi: true,
    scrollback: SCROLLBACK_LINES,
    scrollOnEraseInDisplay: true,
    screenReaderMode: true,
    minimumContrastRatio: LEAST_CONTRAST,
    fontFamily: FONTS,
    theme: themeColours(options.theme),
    cursorBlink: false,
    macOptionIsMeta: false,
    macOptionClickForcesSelection: true,
    smoothScrollDuration: 0,
    rescaleOverlappingGlyphs: true,
    logLevel: "off",
  });
  Terminal.strings.promptLabel = options.label;
  terminal.loadAddon(new Unicode11Addon());
  terminal.unicode.activeVersion = "11";
  const made = new XtermTerminal(host, terminal, events);
  made.setTheme(options.theme);
  made.setFontSize(options.points);
  made.setSize(options.size);
  return made;
}

function part(parent: HTMLElement, name: string): HTMLElement {
  const element = document.createElement("div");
  element.className = name;
  parent.append(element);
  return element;
}

class XtermTerminal implements ConsoleTerminal {
  readonly element: HTMLElement;
  readonly #terminal: Terminal;
  readonly #events: TerminalEvents;
  readonly #decoder = new OutputDecoder();
  readonly #resets = new FullResets();
  readonly #queue: OutputQueue;
  readonly #notes: Notes;
  readonly #clipboard: TerminalClipboard;
  readonly #search: ScrollbackSearch;
  readonly #size: SizeKeeper;
  readonly #keys: ScreenKeys;
  #points: number = TEXT_POINTS.usual;
  #replaying = false;

  constructor(element: HTMLElement, terminal: Terminal, events: TerminalEvents) {
    this.element = element;
    this.#terminal = terminal;
    this.#events = events;
    const frame = part(element, "terminal-frame");
    const link = part(element, "terminal-link");
    link.hidden = true;
    withStylesAllowed(() => terminal.open(frame));
    boundAnnouncements(terminal);
    drawByWebgl(terminal);
    limitSequences(terminal, () => this.#replaying, (text) => events.onAnswer(text));
    addLinks(terminal, link, (url) => events.onLink(url));
    this.#queue = new OutputQueue((text, parsed) => terminal.write(text, parsed));
    this.#notes = new Notes(terminal, (text, then) => terminal.write(text, then));
    this.#clipboard = new TerminalClipboard(terminal, frame, events);
    this.#search = new ScrollbackSearch(terminal);
    this.#keys = new ScreenKeys({
      type: (text) => terminal.input(text),
      applicationKeys: () => terminal.modes.applicationCursorKeysMode,
    });
    element.append(this.#keys.element);
    scrollByTouch(terminal, frame);
    typeInsertedText(terminal, frame);
    this.#size = new SizeKeeper(terminal, frame);
    terminal.attachCustomKeyEventHandler((event) => this.#onKey(event));
    terminal.onData((data) => this.#onData(data));
    terminal.onResize(({ cols, rows }) => events.onResize(cols, rows));
  }

  get columns(): number {
    return this.#terminal.cols;
  }

  get rows(): number {
    return this.#terminal.rows;
  }

  async write(data: Uint8Array): Promise<void> {
    const start = performance.now();
    const text = this.#resets.replace(this.#decoder.decode(data));
    await this.#queue.push(boundLineCounts(text, this.rows));
    // Cleared each time, so that a long session does not fill the browser's list of measures.
    performance.clearMeasures(WRITE_MEASURE);
    performance.measure(WRITE_MEASURE, { start, end: performance.now(), detail: data.length });
  }

  note(text: string): void {
    this.#queue.step(() => this.#notes.add(text));
  }

  setReplaying(replaying: boolean): void {
    this.#queue.step(() => (this.#replaying = replaying));
  }

  startBoot(): void {
    this.#resets.end();
    void this.#queue.push(this.#decoder.end() + BOOT_BEGINS);
  }

  text(): Promise<string> {
    return scrollbackText(this.#terminal);
  }

  colouredText(): Promise<string> {
    return colouredText(this.#terminal);
  }

  focus(): void {
    this.#terminal.focus();
  }

  blur(): void {
    this.#terminal.blur();
    this.#events.onLeave();
  }

  search(query: SearchQuery, direction: "next" | "previous") {
    return this.#search.find(query, direction);
  }

  endSearch(): void {
    this.#search.end();
  }

  setSize(size: TerminalSize): void {
    this.#size.choose(size);
  }

  setFontSize(points: number): void {
    this.#points = Math.min(TEXT_POINTS.largest, Math.max(TEXT_POINTS.smallest, Math.round(points)));
    this.#size.setTextHeight(Math.round(this.#points * PIXELS_A_POINT));
  }

  setTheme(theme: Theme): void {
    this.element.dataset["theme"] = theme;
    this.#terminal.options.theme = themeColours(theme);
  }

  selection(): string {
    return this.#clipboard.selection();
  }

  copy(): Promise<void> {
    return this.#clipboard.copy();
  }

  paste(): Promise<void> {
    return this.#clipboard.paste();
  }

  fitCommand(): string {
    return fitCommand(this.columns, this.rows);
  }

  clear(): void {
    this.#queue.step(() => this.#terminal.clear());
  }

  dispose(): void {
    this.#queue.close();
    this.#size.dispose();
    this.#keys.dispose();
    this.#clipboard.dispose();
    this.#search.end();
    this.#terminal.dispose();
    this.element.remove();
  }

  #onData(data: string): void {
    if (!isFocusReport(data)) this.#events.onType(this.#keys.modified(data));
  }

  /** False keeps a key from the guest. */
  #onKey(event: KeyboardEvent): boolean {
    const taken = pageKey(event);
    if (taken === null) {
      if (event.type === "keydown" && isBrowserKey(event)) event.preventDefault();
      return true;
    }
    // The browser's own paste follows, as an event, unless this is prevented.
    if (taken !== "paste") event.preventDefault();
    if (event.type === "keydown") this.#do(taken);
    return false;
  }

  #do(key: PageKey): void {
    if (key === "leave") this.blur();
    else if (key === "copy") void this.copy();
    else if (key === "find") this.#events.onFind();
    else if (key === "larger") this.#changeFontSize(this.#points + 1);
    else if (key === "smaller") this.#changeFontSize(this.#points - 1);
    else if (key === "usual-size") this.#changeFontSize(TEXT_POINTS.usual);
  }

  #changeFontSize(points: number): void {
    this.setFontSize(points);
    this.#events.onFontSize(this.#points);
  }
}
