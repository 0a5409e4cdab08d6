/** What the service says of itself, asked for until it answers. */
import { useEffect, useState } from "preact/hooks";
import { backOffMs, pause } from "../azure/pause";
import type { Settings } from "./context";
import { SETTINGS_PATH, type Reachability } from "./reachability";

export function useSettings(reachability: Reachability): Settings | null {
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    const ended = new AbortController();
    void untilSettings(reachability, ended.signal).then(setSettings, () => undefined);
    return () => ended.abort();
  }, [reachability]);
  return settings;
}

async function untilSettings(reachability: Reachability, signal: AbortSignal): Promise<Settings> {
  for (let failures = 1; ; failures += 1) {
    try {
      const response = await fetch(SETTINGS_PATH, { signal, cache: "no-store", credentials: "omit" });
      reachability.tell(true);
      if (response.ok) return (await response.json()) as Settings;
    } catch {
      signal.throwIfAborted();
      reachability.tell(false);
    }
    await pause(backOffMs(failures, 500, 5000), signal);
  }
}
