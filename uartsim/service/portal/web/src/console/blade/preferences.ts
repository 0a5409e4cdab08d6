/** What a user has chosen for consoles, kept by the browser.  A browser that keeps nothing is no error: the choice holds until the page is left. */
import { TEXT_POINTS, type TerminalSize } from "../terminal/terminal";

export interface Preferences {
  /** The height of the text, in points. */
  readonly textSize: number;
  readonly size: TerminalSize;
  /** The caution that the output is logged has been read. */
  readonly hasReadLogCaution: boolean;
}

/** The limits of a terminal's size. */
export const SIZE_LIMITS = { columns: { least: 20, most: 500 }, rows: { least: 5, most: 200 } } as const;

const KEY = "uartsim.console";
const USUAL: Preferences = { textSize: TEXT_POINTS.usual, size: "window", hasReadLogCaution: false };

/** The preferences that a storage holds; what is missing or damaged in it is as usual. */
export function readPreferences(storage: Pick<Storage, "getItem">): Preferences {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? "{}") as Record<string, unknown>;
    return {
      textSize: typeof kept["textSize"] === "number" ? limitTextSize(kept["textSize"]) : USUAL.textSize,
      size: readSize(kept["size"]),
      hasReadLogCaution: kept["hasReadLogCaution"] === true,
    };
  } catch {
    return USUAL;
  }
}

export function keepPreferences(storage: Pick<Storage, "setItem">, preferences: Preferences): void {
  try {
    storage.setItem(KEY, JSON.stringify(preferences));
  } catch {
    // The browser keeps nothing.
  }
}

export function limitTextSize(size: number): number {
  return Math.min(Math.max(Math.round(size), TEXT_POINTS.smallest), TEXT_POINTS.largest);
}

/** A terminal's size of these numbers; null where they are none, or out of the limits. */
export function checkedSize(columns: number, rows: number): TerminalSize | null {
  return isWithin(columns, SIZE_LIMITS.columns) && isWithin(rows, SIZE_LIMITS.rows) ? { columns, rows } : null;
}

function readSize(kept: unknown): TerminalSize {
  if (typeof kept !== "object" || kept === null) return "window";
  const { columns, rows } = kept as Record<string, unknown>;
  return checkedSize(Number(columns), Number(rows)) ?? "window";
}

function isWithin(value: number, limits: { readonly least: number; readonly most: number }): boolean {
  return Number.isInteger(value) && value >= limits.least && value <= limits.most;
}
