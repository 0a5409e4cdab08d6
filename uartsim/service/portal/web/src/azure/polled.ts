/** Values of the service that a component shows and keeps fresh. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ArmError } from "./arm_error";
import { backOffMs, pause } from "./pause";

export interface Polled<T> {
  /** The last value that came; null before the first. */
  readonly value: T | null;
  /** Why the last attempt failed; null if it did not. A value that came before stays. */
  readonly error: ArmError | null;
  /** Asks again at once: after a button that changes the value. */
  readonly refresh: () => void;
}

const FIRST_RETRY_MS = 2000;
const LONGEST_WAIT_MS = 60_000;

/**
 * Asks again and again: less often after failures, not at all while the page is hidden, and at once when it is shown again or
 * the network is back.  Without an interval it asks once.
 *
 * @param key what is asked for: another key forgets the value, and starts anew.
 * @param load asks; an error that is no ArmError is one of the page, and is thrown to the error boundary.
 * @param intervalMs the pause between an answer and the next question, in milliseconds; null for none.
 */
export function usePolled<T>(key: string, load: (signal: AbortSignal) => Promise<T>, intervalMs: number | null): Polled<T> {
  const [shown, setShown] = useState<{ key: string; value: T | null; error: ArmError | null }>({ key, value: null, error: null });
  const [fault, setFault] = useState<unknown>(null);
  const latest = useRef(load);
  latest.current = load;
  const wake = useRef<() => void>(() => undefined);
  useEffect(() => {
    const ended = new AbortController();
    let hasFailed = false;
    const poll = async (): Promise<void> => {
      for (let failures = 0; !ended.signal.aborted; ) {
        const nudged = new AbortController();
        wake.current = () => nudged.abort();
        try {
          const value = await latest.current(ended.signal);
          failures = 0;
          hasFailed = false;
          if (!ended.signal.aborted) setShown({ key, value, error: null });
        } catch (error) {
          if (ended.signal.aborted) return;
          if (!(error instanceof ArmError)) throw error;
          failures += 1;
          hasFailed = true;
          setShown((before) => ({ key, value: before.key === key ? before.value : null, error }));
        }
        await untilNext(failures, intervalMs, AbortSignal.any([ended.signal, nudged.signal]));
      }
    };
    poll().catch((error: unknown) => {
      if (!ended.signal.aborted) setFault(error);
    });
    const shownAgain = (): void => {
      if ((intervalMs !== null || hasFailed) && document.visibilityState === "visible") wake.current();
    };
    document.addEventListener("visibilitychange", shownAgain);
    addEventListener("online", shownAgain);
    return () => {
      ended.abort();
      document.removeEventListener("visibilitychange", shownAgain);
      removeEventListener("online", shownAgain);
    };
  }, [key, intervalMs]);
  if (fault !== null) throw fault;
  const refresh = useCallback(() => wake.current(), []);
  const isOfKey = shown.key === key;
  return { value: isOfKey ? shown.value : null, error: isOfKey ? shown.error : null, refresh };
}

/** Until it is time for the next question, or `nudged`. */
async function untilNext(failures: number, intervalMs: number | null, nudged: AbortSignal): Promise<void> {
  const waitMs = failures === 0 ? intervalMs : backOffMs(failures, intervalMs ?? FIRST_RETRY_MS, LONGEST_WAIT_MS);
  if (waitMs !== null) await pause(waitMs, nudged).catch(() => undefined);
  if (nudged.aborted || (waitMs !== null && document.visibilityState === "visible")) return;
  await new Promise<void>((resolve) => nudged.addEventListener("abort", () => resolve(), { once: true }));
}
