/** What the buttons of the toolbar do. */
import type { OpenDialog } from "./console_dialogs";
import { leftConsole } from "./cautions";
import { saveOutput } from "./output_file";
import type { PopOut } from "./pop_out";
import { limitTextSize, type Preferences } from "./preferences";
import type { ToolActions } from "./tool_items";
import { toast } from "../../ui/announce";
import type { OpenConsole } from "./use_console";

/** What the page lets the buttons change. */
interface PageControls {
  readonly machine: string;
  readonly opened: OpenConsole | null;
  readonly preferences: Preferences;
  setPreferences(part: Partial<Preferences>): void;
  openDialog(dialog: OpenDialog): void;
  togglePanel(panel: "help" | "diagnose"): void;
  toggleSearch(): void;
  readonly popOut: PopOut;
}

export function toolActions(page: PageControls): ToolActions {
  const { machine, opened, preferences, setPreferences, popOut } = page;
  const terminal = opened?.terminal;
  const controller = opened?.controller;
  return {
    open: (kind) => page.openDialog({ kind }),
    toggle: (what) => (what === "search" ? page.toggleSearch() : page.togglePanel(what)),
    copy: () => void terminal?.copy(),
    paste() {
      void terminal?.paste();
      terminal?.focus();
    },
    clear() {
      terminal?.clear();
      terminal?.focus();
    },
    download: () => void terminal?.text().then((text) => saveOutput(machine, text, "txt")),
    downloadColoured: () => void terminal?.colouredText().then((text) => saveOutput(machine, text, "ans")),
    fit() {
      if (terminal !== undefined) controller?.type(terminal.fitCommand());
      terminal?.focus();
    },
    changeTextSize: (by) => setPreferences({ textSize: limitTextSize(preferences.textSize + by) }),
    setSize: (size) => setPreferences({ size }),
    watch(isWatching) {
      controller?.connect(isWatching);
      if (isWatching) toast(leftConsole(machine));
    },
    popOut() {
      if (popOut.open()) controller?.disconnect();
      else controller?.tell("warning", "The browser has blocked the window. Allow pop-up windows for this page, and try again.");
    },
  };
}
