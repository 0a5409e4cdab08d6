/**
 * A guest's full reset (RIS, ESC c) without its loss: firmware and boot loaders begin with one, and xterm.js would erase the
 * scroll-back with it. The screen goes into the scroll-back, and the modes are put back. Tab stops stay.
 */
import { BOOT_BEGINS } from "./guest_sequences";

const RIS = "\x1bc";
const SCREEN_INTO_SCROLLBACK = "\x1b[?6l\x1b[r\x1b[2J\x1b[H";

/** Replaces the full resets in one stream of text, whose sequences may be split over chunks. */
export class FullResets {
  #escape = "";

  replace(text: string): string {
    const all = this.#escape + text;
    this.#escape = all.endsWith("\x1b") ? "\x1b" : "";
    return all.slice(0, all.length - this.#escape.length).replaceAll(RIS, BOOT_BEGINS + SCREEN_INTO_SCROLLBACK);
  }

  /** The stream ends, as at a reset of the guest: an unfinished sequence is dropped. */
  end(): void {
    this.#escape = "";
  }
}
