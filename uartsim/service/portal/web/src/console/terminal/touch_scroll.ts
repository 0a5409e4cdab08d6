/** Scrolling by a finger, which xterm.js leaves out. */

import type { Terminal } from "@xterm/xterm";

/** Whole lines to scroll for a way of the finger, and what is left of the way, in pixels. */
export function linesOfWay(way_px: number, lineHeight_px: number): { lines: number; left_px: number } {
  // "+ 0": a way of less than a line upwards is no lines, not minus zero.
  const lines = Math.trunc(way_px / lineHeight_px) + 0;
  return { lines, left_px: way_px - lines * lineHeight_px };
}

/** Makes one finger that moves up or down scroll the scroll-back, and the frame where that is smaller than a chosen size. */
export function scrollByTouch(terminal: Terminal, frame: HTMLElement): void {
  let last_px = 0;
  let way_px = 0;
  frame.addEventListener("touchstart", ({ touches }) => {
    last_px = touches[0]?.clientY ?? 0;
    way_px = 0;
  }, { passive: true });
  frame.addEventListener("touchmove", (event) => {
    const [finger, second] = event.touches;
    if (finger === undefined || second !== undefined) return;
    const moved_px = last_px - finger.clientY;
    last_px = finger.clientY;
    const before_px = frame.scrollTop;
    frame.scrollTop += moved_px;
    way_px += moved_px - (frame.scrollTop - before_px);
    const lineHeight_px = (terminal.element?.querySelector(".xterm-screen")?.clientHeight ?? 0) / terminal.rows || 16;
    const { lines, left_px } = linesOfWay(way_px, lineHeight_px);
    way_px = left_px;
    if (lines !== 0) terminal.scrollLines(lines);
    if (event.cancelable) event.preventDefault();
  }, { passive: false });
}
