/** A console for as long as its page is shown: the terminal in its element, connected. */
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { usePortal } from "../../app/context";
import { toast } from "../../ui/announce";
import { usePageTheme } from "../../ui/page_theme";
import { machineName } from "../../views/machine_id";
import { browserPorts } from "../connection/browser_ports";
import { createTerminal } from "../terminal/create_terminal";
import type { ConsoleTerminal } from "../terminal/terminal";
import { leftConsole } from "./cautions";
import { ConsoleController } from "./console_controller";
import { FIRST_VIEW, type ConsoleView } from "./console_view";
import type { Preferences } from "./preferences";

/** A terminal and what is connected to it. */
export interface OpenConsole {
  readonly terminal: ConsoleTerminal;
  readonly controller: ConsoleController;
}

/** What the page does with what a terminal tells, beside typing. */
interface ConsoleHandlers {
  onLeave(): void;
  onFind(): void;
  onTextSize(points: number): void;
  onLink(url: string): void;
}

interface ConsolePlace {
  /** Where the terminal is drawn. */
  readonly place: RefObject<HTMLElement>;
  /** The console; null until the page is drawn. */
  readonly opened: OpenConsole | null;
  readonly view: ConsoleView;
}

/** @param watch whether the console is only looked at to begin with. */
export function useConsole(machineId: string, watch: boolean, preferences: Preferences, handlers: ConsoleHandlers): ConsolePlace {
  const { arm, session, settings } = usePortal();
  const name = machineName(machineId);
  const theme = usePageTheme();
  const place = useRef<HTMLElement>(null);
  const latest = useRef(handlers);
  latest.current = handlers;
  const [view, setView] = useState(FIRST_VIEW);
  const [opened, setOpened] = useState<OpenConsole | null>(null);
  useEffect(() => {
    if (place.current === null) return;
    const has: { controller?: ConsoleController; used: boolean } = { used: false };
    const terminal = createTerminal(
      place.current,
      {
        onType: (text) => has.controller?.type(text),
        onAnswer: (text) => has.controller?.answer(text),
        onPaste: (text) => has.controller?.paste(text),
        onClipboardRefused: (text) => has.controller?.tell("warning", text),
        onLeave: () => latest.current.onLeave(),
        onFind: () => latest.current.onFind(),
        onResize: (columns, rows) => has.controller?.resized(columns, rows),
        onFontSize: (points) => latest.current.onTextSize(points),
        onLink: (url) => latest.current.onLink(url),
      },
      { label: `Serial console of ${name}`, theme, size: preferences.size, points: preferences.textSize },
    );
    const controller = new ConsoleController(arm, terminal, browserPorts(arm, session, machineId), settings.pasteLimit, (changed) => {
      has.used ||= changed.connection.kind === "connected" && !changed.connection.watching;
      setView(changed);
    });
    has.controller = controller;
    controller.resized(terminal.columns, terminal.rows);
    controller.connect(watch);
    setOpened({ terminal, controller });
    return () => {
      controller.disconnect();
      terminal.dispose();
      if (has.used) toast(leftConsole(name));
    };
  }, []);
  useEffect(() => opened?.terminal.setTheme(theme), [opened, theme]);
  useEffect(() => opened?.terminal.setFontSize(preferences.textSize), [opened, preferences.textSize]);
  useEffect(() => opened?.terminal.setSize(preferences.size), [opened, preferences.size]);
  useFocusWhenConnected(opened, view.connection.kind === "connected");
  return { place, opened, view };
}

/** The terminal takes the focus when it is connected, unless the user is somewhere else by then. */
function useFocusWhenConnected(opened: OpenConsole | null, isConnected: boolean): void {
  useEffect(() => {
    const focused = document.activeElement;
    const isFree = focused === null || focused === document.body || focused.tagName === "H1" || focused.tagName === "MAIN" || focused.closest(".connection-overlay") !== null;
    if (isConnected && isFree) opened?.terminal.focus();
  }, [opened, isConnected]);
}
