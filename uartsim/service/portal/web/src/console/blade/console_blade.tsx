/** The serial console of a machine: it connects by itself. */
import type { ComponentChildren, JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { usePortal } from "../../app/context";
import { Button } from "../../ui/button";
import { EmptyState } from "../../ui/empty_state";
import { MessageBar } from "../../ui/message_bar";
import { View } from "../../ui/view";
import { machineName } from "../../views/machine_id";
import { ConsoleDialogs, type OpenDialog } from "./console_dialogs";
import { ConsoleOver } from "./console_over";
import { ConsoleToolbar } from "./console_toolbar";
import { DiagnosePanel } from "./diagnose_panel";
import { HelpPanel } from "./help_panel";
import { HintLine } from "./hint_line";
import { focusControls, useLeaveKey } from "./leave_key";
import { usePopOut, type PopOut } from "./pop_out";
import { StatusLine } from "./status_line";
import { helpItem, toolItems, type ToolState } from "./tool_items";
import { useConsole } from "./use_console";
import { useConsoleStatus } from "./use_console_status";
import { usePreferences } from "./use_preferences";
import { toolActions } from "./tool_actions";
import "./console_blade.css";

interface ConsoleBladeProps {
  readonly machineId: string;
  /** It is in a window of its own. */
  readonly alone: boolean;
  /** It is only looked at, until the user takes it. */
  readonly watch: boolean;
}

type PanelName = "help" | "diagnose";

export function ConsoleBlade({ machineId, alone, watch }: ConsoleBladeProps): JSX.Element {
  const { arm, settings } = usePortal();
  const machine = machineName(machineId);
  const [preferences, setPreferences] = usePreferences();
  const [dialog, openDialog] = useState<OpenDialog | null>(null);
  const [panel, setPanel] = useState<PanelName | null>(null);
  const [search, setSearch] = useState(0);
  const page = useRef<HTMLDivElement>(null);
  const { place, opened, view } = useConsole(machineId, watch, preferences, {
    onLeave: () => focusControls(page.current),
    onFind: () => setSearch((before) => before + 1),
    onTextSize: (textSize) => setPreferences({ textSize }),
    onLink: (url) => openDialog({ kind: "link", url }),
  });
  const status = useConsoleStatus(arm, machineId, view.connection, () => opened?.controller.connect());
  const isWatching = useRef(watch);
  if (view.connection.kind === "connected") isWatching.current = view.connection.watching;
  const popOut = usePopOut(machineId, isWatching, () => opened?.controller.connect(isWatching.current));
  useLeaveKey(page, opened?.terminal);
  const closeSearch = (): void => {
    setSearch(0);
    opened?.terminal.focus();
  };
  const cautionRead = (): void => {
    setPreferences({ hasReadLogCaution: true });
    opened?.terminal.focus();
  };
  const isWindows = status.last?.osType === "Windows";
  const actions = toolActions({
    machine,
    opened,
    preferences,
    setPreferences,
    openDialog,
    togglePanel: (name) => setPanel(panel === name ? null : name),
    toggleSearch: () => (search > 0 ? closeSearch() : setSearch(1)),
    popOut,
  });
  const state: ToolState = { machine, view, isWindows, isAlone: alone, size: preferences.size, panel, isSearching: search > 0 };
  const shown = { machineId, machine, isWindows, view };
  return (
    <View title={settings.consoleTitle} kind={machine} takesFocus={false} height="fill">
      <div class="console-page" ref={page}>
        {settings.previewWarning !== null && <MessageBar kind="warning">{settings.previewWarning}</MessageBar>}
        <ConsoleToolbar machine={machine} items={toolItems(state, actions)} help={helpItem(state, actions)} />
        <HintLine hasReadCaution={preferences.hasReadLogCaution} isWindows={isWindows} onRead={cautionRead} />
        <div class="console-body">
          <Pane popOut={popOut} machine={machine}>
            <section class="console-terminal" ref={place} aria-label={`Terminal of ${machine}`} />
            {opened !== null && (
              <ConsoleOver {...shown} opened={opened} search={search} onSearchClosed={closeSearch} onDiagnose={() => setPanel("diagnose")} />
            )}
          </Pane>
          <SidePanel panel={panel} machineId={machineId} isWindows={isWindows} onClose={() => setPanel(null)} />
        </div>
        <StatusLine machine={machine} view={view} status={status.present} />
      </div>
      <ConsoleDialogs {...shown} dialog={dialog} opened={opened} onPreferences={setPreferences} onClose={() => openDialog(null)} />
    </View>
  );
}

interface SidePanelProps {
  readonly panel: PanelName | null;
  readonly machineId: string;
  readonly isWindows: boolean;
  readonly onClose: () => void;
}

function SidePanel({ panel, machineId, isWindows, onClose }: SidePanelProps): JSX.Element | null {
  const { arm, settings } = usePortal();
  switch (panel) {
    case "help":
      return <HelpPanel isWindows={isWindows} isPreview={settings.profile === "preview"} onClose={onClose} />;
    case "diagnose":
      return <DiagnosePanel arm={arm} machineId={machineId} onClose={onClose} />;
    case null:
      return null;
  }
}

/** The terminal; while the console is in a window of its own, the way back lies over it. */
function Pane({ popOut, machine, children }: { readonly popOut: PopOut; readonly machine: string; readonly children: ComponentChildren }): JSX.Element {
  return (
    <div class="console-pane" data-out={popOut.isOut}>
      {children}
      {popOut.isOut && (
        <div class="console-elsewhere">
          <EmptyState
            icon="external"
            title={`The console of ${machine} is shown in its own window`}
            actions={
              <Button kind="primary" onClick={popOut.bringBack}>
                Return it here
              </Button>
            }
          />
        </div>
      )}
    </div>
  );
}
