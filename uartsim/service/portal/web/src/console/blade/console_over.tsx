/** What lies over the terminal, so that nothing moves when it comes: the search, the connection's state, a paste, notices, hints. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { usePortal } from "../../app/context";
import { MessageBar } from "../../ui/message_bar";
import { ConnectionOverlay } from "./connection_overlay";
import type { ConsoleView } from "./console_view";
import { mendFor, startMend, type Mend } from "./mends";
import { PasteBar } from "./paste_dialog";
import { SearchBar } from "./search_bar";
import { SilenceHint } from "./silence_hint";
import type { OpenConsole } from "./use_console";
import { isMachineOff } from "./use_console_status";

interface ConsoleOverProps {
  readonly machineId: string;
  readonly machine: string;
  readonly isWindows: boolean;
  readonly view: ConsoleView;
  readonly opened: OpenConsole;
  /** How often the search was asked for; 0 while it is closed. */
  readonly search: number;
  readonly onSearchClosed: () => void;
  readonly onDiagnose: () => void;
}

export function ConsoleOver(props: ConsoleOverProps): JSX.Element {
  const { machineId, machine, view, opened, search, onSearchClosed } = props;
  const { arm } = usePortal();
  const { controller, terminal } = opened;
  const actions = { connect: (watch?: boolean) => controller.connect(watch), mend: (mend: Mend) => void controller.mend(mend) };
  const { connection, paste, notice } = view;
  let mend: Mend | null = null;
  if (connection.kind === "refused") mend = mendFor(connection.error.rule, arm, machineId);
  else if (isMachineOff(connection)) mend = startMend(arm, machineId);
  return (
    <div class="console-over">
      {search > 0 && <SearchBar terminal={terminal} asked={search} onClose={onSearchClosed} />}
      <ConnectionOverlay machine={machine} view={view} mend={mend} actions={actions} />
      {paste !== null && <PasteBar progress={paste} baud={view.baud} onCancel={() => controller.cancelPaste()} />}
      {notice !== null && (
        <MessageBar kind={notice.kind} onDismiss={() => dismissNotice(opened)}>
          {notice.text}
        </MessageBar>
      )}
      <Hint {...props} />
    </div>
  );
}

function Hint({ view, isWindows, opened, onDiagnose }: ConsoleOverProps): JSX.Element | null {
  const [isDismissed, setDismissed] = useState(false);
  const { silence, connection } = view;
  useEffect(() => setDismissed(false), [silence]);
  if (silence === "none" || connection.kind !== "connected" || isDismissed) return null;
  const enter = (): void => {
    opened.controller.type("\r");
    opened.terminal.focus();
  };
  return (
    <SilenceHint
      silence={silence}
      isWindows={isWindows}
      isWatching={connection.watching}
      onEnter={enter}
      onDiagnose={onDiagnose}
      onDismiss={() => {
        setDismissed(true);
        opened.terminal.focus();
      }}
    />
  );
}

/** The button that had the focus goes with the notice. */
function dismissNotice({ controller, terminal }: OpenConsole): void {
  controller.dismissNotice();
  terminal.focus();
}
