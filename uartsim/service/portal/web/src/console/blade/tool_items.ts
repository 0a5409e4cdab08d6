/** What the toolbar of a console has, as data: each with an accessible name that says what it does. */
import type { IconName } from "../../ui/icon";
import type { MenuItem } from "../../ui/menu";
import type { TerminalSize } from "../terminal/terminal";
import type { ConsoleView } from "./console_view";

export interface ToolItem {
  readonly id: string;
  /** Shown beside the icon; without it, only the icon is. */
  readonly text?: string;
  /** The accessible name. */
  readonly label: string;
  readonly icon: IconName;
  readonly disabled?: boolean;
  /** For what is on or off. */
  readonly pressed?: boolean;
  /** For what opens a panel or a bar: whether it is open. */
  readonly expanded?: boolean;
  /** What it opens, instead of `onSelect`. */
  readonly menu?: readonly MenuItem[];
  readonly onSelect: () => void;
}

/** What the buttons do. */
export interface ToolActions {
  open(what: "sysrq" | "nmi" | "restart" | "reset" | "keys" | "size"): void;
  toggle(what: "search" | "help" | "diagnose"): void;
  copy(): void;
  paste(): void;
  clear(): void;
  download(): void;
  downloadColoured(): void;
  fit(): void;
  changeTextSize(by: number): void;
  setSize(size: TerminalSize): void;
  watch(isWatching: boolean): void;
  popOut(): void;
}

export interface ToolState {
  readonly machine: string;
  readonly view: ConsoleView;
  readonly isWindows: boolean;
  readonly isAlone: boolean;
  readonly size: TerminalSize;
  /** Which panel or bar is open. */
  readonly panel: "help" | "diagnose" | null;
  readonly isSearching: boolean;
}

/** The service's words for SysRq to Windows. */
const SYSRQ_IS_FOR_LINUX = "You can only send a SysRq to a Linux VM.";

const SIZES = [
  { columns: 80, rows: 24 },
  { columns: 80, rows: 43 },
  { columns: 132, rows: 43 },
] as const;

export function toolItems(state: ToolState, actions: ToolActions): readonly ToolItem[] {
  return [...powerItems(state, actions), ...textItems(state, actions), ...placeItems(state, actions), ...sizeItems(state, actions)];
}

function powerItems({ machine, view, isWindows }: ToolState, { open }: ToolActions): ToolItem[] {
  const { connection } = view;
  const has = connection.kind === "connected" && !connection.watching;
  const sysrq = isWindows ? `Send SysRq keys to ${machine}: ${SYSRQ_IS_FOR_LINUX}` : `Send SysRq keys to ${machine}`;
  return [
    { id: "sysrq", text: "SysRq", label: sysrq, icon: "list", disabled: !has || isWindows, onSelect: () => open("sysrq") },
    { id: "nmi", text: "NMI", label: `Send a non-maskable interrupt (NMI) to ${machine}`, icon: "alert", disabled: !has, onSelect: () => open("nmi") },
    { id: "restart", text: "Restart VM", label: `Restart ${machine}`, icon: "restart", onSelect: () => open("restart") },
    { id: "reset", text: "Reset VM", label: `Reset ${machine}`, icon: "power", disabled: !has, onSelect: () => open("reset") },
  ];
}

function textItems({ view, isSearching }: ToolState, actions: ToolActions): ToolItem[] {
  const types = view.connection.kind === "connected" && !view.connection.watching;
  return [
    { id: "search", label: "Search the output", icon: "search", expanded: isSearching, onSelect: () => actions.toggle("search") },
    { id: "copy", label: "Copy the selected text", icon: "copy", onSelect: actions.copy },
    { id: "paste", label: "Paste from the clipboard", icon: "paste", disabled: !types, onSelect: actions.paste },
    { id: "clear", label: "Clear the terminal and its scroll-back", icon: "clear", onSelect: actions.clear },
    { id: "download", label: "Download the output as a text file", icon: "download", onSelect: actions.download },
  ];
}

function sizeItems({ machine, view, size, isWindows }: ToolState, actions: ToolActions): ToolItem[] {
  const types = view.connection.kind === "connected" && !view.connection.watching;
  return [
    { id: "smaller", label: "Make the text smaller", icon: "text_smaller", onSelect: () => actions.changeTextSize(-1) },
    { id: "larger", label: "Make the text larger", icon: "text_size", onSelect: () => actions.changeTextSize(1) },
    { id: "size", text: "Size", label: "Choose the size of the terminal", icon: "settings", menu: sizeMenu(size, actions), onSelect: () => undefined },
    {
      id: "fit",
      text: "Fit",
      label: `Tell ${machine} the terminal's size: types the command that resize would run`,
      icon: "fit",
      disabled: !types || isWindows,
      onSelect: actions.fit,
    },
    {
      id: "download-coloured",
      text: "With colours",
      label: "Download the output with its colours, as text with ANSI sequences",
      icon: "download",
      onSelect: actions.downloadColoured,
    },
  ];
}

function sizeMenu(size: TerminalSize, actions: ToolActions): MenuItem[] {
  const chosen = (isChosen: boolean): Pick<MenuItem, "icon"> => (isChosen ? { icon: "check" } : {});
  const named = SIZES.map((one) => ({
    text: `${one.columns} × ${one.rows}`,
    label: `${one.columns} columns, ${one.rows} rows${isSame(size, one) ? ", chosen" : ""}`,
    ...chosen(isSame(size, one)),
    onSelect: () => actions.setSize(one),
  }));
  const isOther = size !== "window" && !SIZES.some((one) => isSame(size, one));
  return [
    { text: "As the window", label: `As large as the window${size === "window" ? ", chosen" : ""}`, ...chosen(size === "window"), onSelect: () => actions.setSize("window") },
    ...named,
    {
      text: isOther ? `Custom (${size.columns} × ${size.rows})…` : "Custom…",
      label: isOther ? `Custom, chosen: ${size.columns} columns, ${size.rows} rows` : "Custom size",
      ...chosen(isOther),
      onSelect: () => actions.open("size"),
    },
  ];
}

function isSame(size: TerminalSize, other: { readonly columns: number; readonly rows: number }): boolean {
  return size !== "window" && size.columns === other.columns && size.rows === other.rows;
}

function placeItems({ machine, view, isAlone, panel }: ToolState, actions: ToolActions): ToolItem[] {
  const isWatching = view.connection.kind === "connected" && view.connection.watching;
  const watch: ToolItem = {
    id: "watch",
    label: `Watch only: release ${machine}'s console`,
    icon: "eye",
    pressed: isWatching,
    onSelect: () => actions.watch(!isWatching),
  };
  const popOut: ToolItem = { id: "pop-out", label: "Move the console into a window of its own", icon: "external", onSelect: actions.popOut };
  return [
    watch,
    ...(isAlone ? [] : [popOut]),
    {
      id: "diagnose",
      text: "Diagnose",
      label: `Diagnose the console of ${machine}`,
      icon: "diagnose",
      expanded: panel === "diagnose",
      onSelect: () => actions.toggle("diagnose"),
    },
    { id: "keys", label: "Show the keyboard shortcuts", icon: "keyboard", onSelect: () => actions.open("keys") },
  ];
}

/** Help is always in sight, however narrow the page is. */
export function helpItem({ panel }: ToolState, { toggle }: ToolActions): ToolItem {
  return { id: "help", text: "Help", label: "Help on the serial console", icon: "help", expanded: panel === "help", onSelect: () => toggle("help") };
}
