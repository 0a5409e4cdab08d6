/** Whether the service can be reached: told by each call, and tried again by itself for as long as it cannot. */
import { useEffect, useState } from "preact/hooks";
import { backOffMs, pause } from "../azure/pause";

export const SETTINGS_PATH = "/_uartsim/portal/settings";
const FIRST_MS = 500;
const LONGEST_MS = 5000;
const TIMEOUT_MS = 10_000;

export class Reachability {
  private reached = true;
  private retrying: AbortController | null = null;
  private readonly listeners = new Set<() => void>();

  get isReached(): boolean {
    return this.reached;
  }

  /** A call had an answer, or none. */
  readonly tell = (reached: boolean): void => {
    if (reached === this.reached) return;
    this.reached = reached;
    for (const listener of this.listeners) listener();
    if (reached) this.retrying?.abort();
    else void this.retry();
  };

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async retry(): Promise<void> {
    const ended = new AbortController();
    this.retrying = ended;
    for (let failures = 1; !this.reached; failures += 1) {
      await pause(backOffMs(failures, FIRST_MS, LONGEST_MS), ended.signal).catch(() => undefined);
      if (this.reached) return;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const answered = await fetch(SETTINGS_PATH, { signal, cache: "no-store", credentials: "omit" }).then(
        () => true,
        () => false,
      );
      if (answered) this.tell(true);
    }
  }
}

/** Whether the service is reached; the component is drawn again when that changes. */
export function useReached(reachability: Reachability): boolean {
  const [isReached, setReached] = useState(reachability.isReached);
  useEffect(() => reachability.subscribe(() => setReached(reachability.isReached)), [reachability]);
  return isReached;
}
