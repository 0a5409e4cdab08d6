/** Light or dark: as the system has it, unless the user has chosen. The choice is kept in this browser. */
import { useEffect, useState } from "preact/hooks";
import type { Theme } from "../ui/page_theme";

export type ThemeChoice = "system" | Theme;
export const THEME_CHOICES: readonly ThemeChoice[] = ["system", "light", "dark"];

const KEY = "uartsim-portal-theme";

/** What the user has chosen; `system` if nothing is kept, or it cannot be read. */
function keptTheme(): ThemeChoice {
  try {
    const kept = localStorage.getItem(KEY);
    return THEME_CHOICES.find((theme) => theme === kept) ?? "system";
  } catch {
    return "system";
  }
}

/** Sets `data-theme` of the root element: to `light` or `dark`, never to `system`. */
function applyTheme(theme: ThemeChoice): void {
  const isDark = theme === "system" ? matchMedia("(prefers-color-scheme: dark)").matches : theme === "dark";
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
}

/** Applies the choice that is kept, and follows the system and the other tabs from now on. */
export function startTheme(): void {
  const follow = (): void => applyTheme(keptTheme());
  follow();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", follow);
  addEventListener("storage", follow);
}

/** The choice, and what changes it. */
export function useTheme(): [ThemeChoice, (theme: ThemeChoice) => void] {
  const [theme, setTheme] = useState(keptTheme);
  useEffect(() => {
    const follow = (): void => setTheme(keptTheme());
    addEventListener("storage", follow);
    return () => removeEventListener("storage", follow);
  }, []);
  const choose = (chosen: ThemeChoice): void => {
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
