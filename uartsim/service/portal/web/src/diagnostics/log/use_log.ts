/** The serial log of a machine, followed for as long as its view is there. */
import { useEffect, useRef, useState } from "preact/hooks";
import { ArmError, type Arm } from "../../azure/arm";
import { backOffMs, pause } from "../../azure/pause";
import { BlobSource } from "./blob_source";
import { LogDocument, SLICE_BYTES } from "./log_document";
import { LogFollower } from "./log_follower";
import type { SequenceView } from "./readable_line";

const EVERY_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

export interface FollowedLog {
  readonly document: LogDocument;
  /** Counts the changes of the document. */
  readonly version: number;
  /** Whether it was read at least once. */
  readonly isRead: boolean;
  /** Why the last reading failed; it is tried again by itself. */
  readonly error: ArmError | null;
  /** Tries again at once. */
  retry(): void;
}

/**
 * @param key what the log depends on besides the machine, such as its storage account: another key is another log.
 */
export function useLog(arm: Arm, machineId: string, key: string, view: SequenceView): FollowedLog {
  const log = useRef(new LogDocument(view));
  const [state, setState] = useState<{ version: number; isRead: boolean; error: ArmError | null }>({ version: 0, isRead: false, error: null });
  const [attempt, setAttempt] = useState(0);
  const shown = useRef(view);
  shown.current = view;
  useEffect(() => {
    const before = log.current;
    if (before.view === view) return;
    const ended = new AbortController();
    const show = (other: LogDocument): void => {
      if (log.current !== before) return; // the log was begun anew meanwhile, in the view that is wanted
      log.current = other;
      setState((state) => ({ ...state, version: state.version + 1 }));
    };
    before.showAs(view, ended.signal, show).catch(() => undefined); // another view is wanted meanwhile
    return () => ended.abort();
  }, [view]);
  useEffect(() => {
    const ended = new AbortController();
    log.current = new LogDocument(shown.current);
    setState(({ version }) => ({ version: version + 1, isRead: false, error: null }));
    void follow(new LogFollower(new BlobSource(arm, machineId, ended.signal)), ended.signal);
    return () => ended.abort();
  }, [arm, machineId, key, attempt]);

  const follow = async (follower: LogFollower, signal: AbortSignal): Promise<void> => {
    for (let failures = 0; !signal.aborted; ) {
      try {
        const piece = await follower.read();
        if (signal.aborted) return;
        failures = 0;
        if (piece?.anew) log.current = new LogDocument(shown.current);
        if (piece !== null && piece.missing > 0) log.current.missing(piece.missing);
        for (let from = 0; piece !== null && from < piece.bytes.length; from += SLICE_BYTES) {
          log.current.append(piece.bytes.subarray(from, from + SLICE_BYTES));
          setState(({ version }) => ({ version: version + 1, isRead: true, error: null }));
          await pause(0, signal);
        }
        setState((before) => (piece === null && before.isRead && before.error === null ? before : { version: before.version + 1, isRead: true, error: null }));
      } catch (fault) {
        if (signal.aborted) return;
        failures += 1;
        const error = fault instanceof ArmError ? fault : new ArmError(0, "PageFault", String(fault));
        setState((before) => ({ ...before, error }));
      }
      await pause(failures === 0 ? EVERY_MS : backOffMs(failures, EVERY_MS, LONGEST_WAIT_MS), signal).catch(() => undefined);
      await untilSeen(signal);
    }
  };
  return { document: log.current, ...state, retry: () => setAttempt(attempt + 1) };
}

/** A page that nobody sees asks nothing. */
async function untilSeen(signal: AbortSignal): Promise<void> {
  if (!document.hidden || signal.aborted) return;
  await new Promise<void>((resolve) => {
    document.addEventListener("visibilitychange", () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
