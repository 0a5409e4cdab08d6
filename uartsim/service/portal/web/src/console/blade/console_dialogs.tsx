/** The dialog of a console that is open, if one is. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { usePortal } from "../../app/context";
import { KeyboardDialog } from "./keyboard_dialog";
import { LinkDialog } from "./link_dialog";
import { PasteDialog } from "./paste_dialog";
import { PowerDialog, type PowerAction } from "./power_dialog";
import type { Preferences } from "./preferences";
import { SizeDialog } from "./size_dialog";
import { SysrqDialog } from "./sysrq_dialog";
import { useCommands } from "./use_commands";
import type { OpenConsole } from "./use_console";
import type { ConsoleView } from "./console_view";

/** Which dialog is open. */
export type OpenDialog = { readonly kind: PowerAction | "sysrq" | "keys" | "size" } | { readonly kind: "link"; readonly url: string };

interface ConsoleDialogsProps {
  readonly machineId: string;
  readonly machine: string;
  readonly dialog: OpenDialog | null;
  readonly view: ConsoleView;
  readonly opened: OpenConsole | null;
  readonly onPreferences: (part: Partial<Preferences>) => void;
  readonly onClose: () => void;
}

export function ConsoleDialogs(props: ConsoleDialogsProps): JSX.Element | null {
  const { machineId, machine, dialog, view, opened, onPreferences } = props;
  const { arm, settings } = usePortal();
  const commands = useCommands(arm, machineId, opened?.controller, useTerminalNext(props));
  const close = (): void => {
    commands.dialogClosed();
    props.onClose();
  };
  if (view.askedPaste !== null) {
    return <PasteDialog text={view.askedPaste} limit={settings.pasteLimit} baud={view.baud} onAnswer={(pastes) => opened?.controller.answerPaste(pastes)} />;
  }
  if (dialog === null) return null;
  switch (dialog.kind) {
    case "link":
      return <LinkDialog url={dialog.url} onClose={close} />;
    case "keys":
      return <KeyboardDialog onClose={close} />;
    case "size":
      return (
        <SizeDialog
          columns={view.columns}
          rows={view.rows}
          onClose={close}
          onChoose={(size) => {
            onPreferences({ size });
            close();
          }}
        />
      );
    case "sysrq":
      return <SysrqDialog machine={machine} busy={commands.isBusy} error={commands.error} onSend={commands.sysrq} onClose={close} />;
    case "nmi":
    case "restart":
    case "reset": {
      const action = dialog.kind;
      return (
        <PowerDialog
          action={action}
          machine={machine}
          busy={commands.isBusy}
          error={commands.error}
          onConfirm={() => commands.power(action)}
          onCancel={close}
        />
      );
    }
  }
}

/** Closes the dialog of a command that was given, and goes on in the terminal: after a reset, the boot loader waits for a key there. */
function useTerminalNext({ dialog, opened, onClose }: ConsoleDialogsProps): () => void {
  const isNext = useRef(false);
  useEffect(() => {
    if (dialog !== null || !isNext.current) return;
    isNext.current = false;
    opened?.terminal.focus();
  }, [dialog]);
  return () => {
    isNext.current = true;
    onClose();
  };
}
