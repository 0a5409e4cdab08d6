/** The admin commands and the restart, with what came of them. */
import { useRef, useState } from "preact/hooks";
import type { Arm } from "../../azure/arm";
import { COMPUTE_API } from "../../azure/compute";
import { toast } from "../../ui/announce";
import type { ConsoleController } from "./console_controller";
import { POWER_TEXTS, type PowerAction } from "./power_dialog";

export interface Commands {
  readonly isBusy: boolean;
  /** Why the last one failed. */
  readonly error: string | null;
  power(action: PowerAction): void;
  sysrq(keys: string): void;
  /** The dialog has been closed: a command that still runs has no say over the next one. */
  dialogClosed(): void;
}

/** @param onDone a command was carried out: its dialog closes. */
export function useCommands(arm: Arm, machineId: string, controller: ConsoleController | undefined, onDone: () => void): Commands {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  /** Counts the dialogs, so that the end of a command is told in its own. */
  const dialogs = useRef(0);
  const run = (command: () => Promise<void>, done: string, failed: string): void => {
    const dialog = dialogs.current;
    setBusy(true);
    setError(null);
    command().then(
      () => {
        toast(done);
        if (dialog !== dialogs.current) return;
        setBusy(false);
        onDone();
      },
      (reason: Error) => {
        const text = `${failed}: ${reason.message}`;
        if (dialog !== dialogs.current) return toast(text);
        setBusy(false);
        setError(text);
      },
    );
  };
  return {
    isBusy,
    error,
    power(action) {
      const { done, failed } = POWER_TEXTS[action];
      if (action === "restart") run(() => arm.call(`${machineId}/restart`, COMPUTE_API, { method: "POST" }), done, failed);
      else if (controller !== undefined) run(() => controller.command(action), done, failed);
    },
    sysrq(keys) {
      if (controller !== undefined) run(() => controller.command("sysrq", keys), "Successfully sent SysRq command", "Failed to send SysRq command");
    },
    dialogClosed() {
      dialogs.current += 1;
      setBusy(false);
      setError(null);
    },
  };
}
