/** What the console page shows beside the terminal, and how it changes. */
import type { ConnectionState } from "../connection/connection";
import type { PasteProgress } from "../connection/paste_pump";
import type { Silence } from "./silence";

/** Who has the console. */
interface Holder {
  readonly user: string | null;
  readonly you: boolean;
  readonly watchers: number;
}

/** A message in the page that stays until it is dismissed. */
export interface Notice {
  readonly kind: "warning" | "error";
  readonly text: string;
}

export interface ConsoleView {
  readonly connection: ConnectionState;
  readonly holder: Holder | null;
  /** The line's speed; 0 where characters take no time. */
  readonly baud: number;
  readonly columns: number;
  readonly rows: number;
  readonly silence: Silence;
  /** A paste that is longer than the limit waits for the user's word. */
  readonly askedPaste: string | null;
  readonly paste: PasteProgress | null;
  /** What is being done to mend a refusal, or why it failed. */
  readonly mending: string | null;
  readonly mendError: string | null;
  readonly notice: Notice | null;
}

export const FIRST_VIEW: ConsoleView = {
  connection: { kind: "connecting", attempt: 1 },
  holder: null,
  baud: 115200,
  columns: 80,
  rows: 24,
  silence: "none",
  askedPaste: null,
  paste: null,
  mending: null,
  mendError: null,
  notice: null,
};
