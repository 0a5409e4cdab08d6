/** The theme that the page shows, for what cannot take its colours from CSS. */
import { useEffect, useState } from "preact/hooks";

/** What `data-theme` of the root element says; it is there before anything is drawn. */
export type Theme = "light" | "dark";

export function usePageTheme(): Theme {
  const [theme, setTheme] = useState(pageTheme);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(pageTheme()));
    observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    return () => observer.disconnect();
  }, []);
  return theme;
}

function pageTheme(): Theme {
  return document.documentElement.dataset["theme"] === "dark" ? "dark" : "light";
}
