/** The theme that the page shows, for what cannot take its colours from CSS. */
import { useEffect, useState } from "preact/hooks";

type Theme = "light" | "dark";

export function usePageTheme(): Theme {
  const [theme, setTheme] = useState(pageTheme);
  useEffect(() => {
    const changed = (): void => setTheme(pageTheme());
    const observer = new MutationObserver(changed);
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const system = matchMedia("(prefers-color-scheme: dark)");
    system.addEventListener("change", changed);
    return () => {
      observer.disconnect();
      system.removeEventListener("change", changed);
    };
  }, []);
  return theme;
}

/** What `data-theme` of the root element says, else what the system prefers. */
function pageTheme(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  if (chosen === "light" || chosen === "dark") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}
