/** Light or dark: as the system has it, unless the user has chosen. The choice is kept in this browser. */
import { useEffect, useState } from "preact/hooks";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "uartsim-portal-theme";

/** What the user has chosen; `system` if nothing is kept, or it cannot be read. */
export function keptTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return THEMES.find((theme) => theme === kept) ?? "system";
  } catch {
    return "system";
  }
}

/** Sets `data-theme` of the root element: to `light` or `dark`, never to `system`. */
export function applyTheme(theme: Theme): void {
  const isDark = theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
}

/** The choice, and what changes it; follows the system and the other tabs. */
export function useTheme(): [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState(keptTheme);
  useEffect(() => {
    const system = matchMedia("(prefers-color-scheme: dark)");
    const follow = (): void => {
      setTheme(keptTheme());
      applyTheme(keptTheme());
    };
    system.addEventListener("change", follow);
    addEventListener("storage", follow);
    return () => {
      system.removeEventListener("change", follow);
      removeEventListener("storage", follow);
    };
  }, []);
  const choose = (chosen: Theme): void => {
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // A browser that keeps nothing: the choice holds for as long as the page is open.
    }
    setTheme(chosen);
    applyTheme(chosen);
  };
  return [theme, choose];
}
