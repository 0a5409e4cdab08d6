/** The question before an NMI, a restart or a reset. */
import type { ComponentChildren, JSX } from "preact";
import { ConfirmDialog } from "../../ui/confirm_dialog";
import { MessageBar } from "../../ui/message_bar";

export type PowerAction = "nmi" | "restart" | "reset";

interface PowerText {
  readonly title: string;
  readonly confirm: string;
  readonly says: ComponentChildren;
  /** What is said when it was done, and before the reason when it failed. */
  readonly done: string;
  readonly failed: string;
}

export const POWER_TEXTS: Record<PowerAction, PowerText> = {
  nmi: {
    title: "Send a non-maskable interrupt",
    confirm: "Send NMI",
    says: (
      <>
        <p>A non-maskable interrupt (NMI) is for a machine that answers nothing any more: its operating system cannot ignore it.</p>
        <p>What follows is for the system to say. It may only log the NMI, or it may crash, and write a crash dump if one is configured. Work that is not saved may be lost.</p>
      </>
    ),
    done: "NMI sent successfully",
    failed: "Failed to send NMI",
  },
  restart: {
    title: "Restart VM",
    confirm: "Restart",
    says: <p>The operating system is shut down and started again. The console breaks off for a moment and goes on by itself with the new boot.</p>,
    done: "Successfully restarted VM",
    failed: "Failed to restart VM",
  },
  reset: {
    title: "Reset VM",
    confirm: "Reset",
    says: (
      <>
        <p>A reset is hard: it is as if the power were cut and switched on again, without a shutdown. What is not saved is lost, and file systems may need a check.</p>
        <p>The console stays connected, so that you can catch the boot loader.</p>
      </>
    ),
    done: "Successfully Hard Reset VM",
    failed: "Failed to Hard Reset VM",
  },
};

interface PowerDialogProps {
  readonly action: PowerAction;
  readonly machine: string;
  readonly busy: boolean;
  readonly error: string | null;
  readonly onConfirm: () => void;
  readonly onCancel: () => void;
}

export function PowerDialog({ action, machine, busy, error, onConfirm, onCancel }: PowerDialogProps): JSX.Element {
  const { title, confirm, says } = POWER_TEXTS[action];
  return (
    <ConfirmDialog title={`${title}: ${machine}`} confirm={confirm} danger busy={busy} onConfirm={onConfirm} onCancel={onCancel}>
      {says}
      {error !== null && <MessageBar kind="error">{error}</MessageBar>}
    </ConfirmDialog>
  );
}
