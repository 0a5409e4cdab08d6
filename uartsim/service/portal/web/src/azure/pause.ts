/** Waiting. */

/**
 * Waits for a time.
 *
 * @throws the reason of `signal` if that is aborted before the time is over.
 */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/**
 * How long a header `Retry-After` (RFC 9110, section 10.2.3) says to wait, in milliseconds.
 *
 * @param header its value: seconds, or a date.
 * @returns at least 200 ms, at most five minutes; null without a header, or if it is neither.
 */
export function retryAfterMs(header: string | null, now = Date.now()): number | null {
  if (header === null || header.trim() === "") return null;
  const seconds = Number(header);
  const milliseconds = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
  return Number.isNaN(milliseconds) ? null : Math.min(Math.max(milliseconds, 200), 300_000);
}

/**
 * How long to wait before the next attempt, in milliseconds: twice as long after each failure.
 *
 * @param failures how many attempts have failed, one after the other.
 * @param firstMs the wait after the first.
 * @param longestMs no wait is longer.
 */
export function backOffMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(firstMs * 2 ** Math.max(failures - 1, 0), longestMs);
}
