/** The user's preferences for consoles, kept when they change. */
import { useCallback, useState } from "preact/hooks";
import { keepPreferences, readPreferences, type Preferences } from "./preferences";

export function usePreferences(): readonly [Preferences, (part: Partial<Preferences>) => void] {
  const [preferences, setPreferences] = useState(() => readPreferences(localStorage));
  const change = useCallback((part: Partial<Preferences>): void => {
    setPreferences((before) => {
      const after = { ...before, ...part };
      keepPreferences(localStorage, after);
      return after;
    });
  }, []);
  return [preferences, change];
}
