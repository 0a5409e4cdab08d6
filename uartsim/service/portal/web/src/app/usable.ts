/** When the page can be used, as a mark of the browser's own timing: `performance.getEntriesByName("uartsim-page-usable")`. */
const MARK = "uartsim-page-usable";

/** The form or the list is there, and takes input. Only the first time counts. */
export function markUsable(): void {
  if (performance.getEntriesByName(MARK).length === 0) performance.mark(MARK);
}
