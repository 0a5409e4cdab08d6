/** How long to wait before the next attempt. */
import { backOffMs } from "../../azure/pause";

const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * Doubles with each attempt, up to 30 s, and is spread over its upper half, so that the pages of a service that has been
 * started again do not all come at once.
 *
 * @param attempt how many attempts have failed, from 1.
 * @param random a number from 0 up to, but not including, 1.
 * @returns the delay in milliseconds.
 */
export function backoffDelay(attempt: number, random: number): number {
  return Math.round(backOffMs(attempt, FIRST_MS, LONGEST_MS) * (0.5 + random / 2));
}
