/** How many items of a row have room; the others go into a menu. */
import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/**
 * @param row the row, whose children with `data-tool` are the items; all of them are drawn once, to be measured.
 * @param count how many items there are.
 * @param reserve the width that the rest of the row takes, in pixels, if items are left out.
 * @returns how many of the first items to draw.
 */
export function useOverflow(row: RefObject<HTMLElement>, count: number, reserve: number): number {
  const widths = useRef<readonly number[]>([]);
  const [room, setRoom] = useState<number | null>(null);
  useLayoutEffect(() => {
    const element = row.current;
    if (element === null) return;
    const gap = Number.parseFloat(getComputedStyle(element).columnGap) || 0;
    const tools = [...element.querySelectorAll<HTMLElement>("[data-tool]")].slice(0, count);
    if (tools.length === count) widths.current = tools.map((tool) => tool.offsetWidth + gap);
    const measure = (): void => setRoom(element.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [count]);
  return room === null ? count : fitting(widths.current, room - reserve);
}

/** How many of the first items fit into a room. */
export function fitting(widths: readonly number[], room: number): number {
  let used = 0;
  const first = widths.findIndex((width) => (used += width) > room);
  return first === -1 ? widths.length : first;
}
