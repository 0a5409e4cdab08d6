/** The admin commands and the restart, with what came of them. */
import { useState } from "preact/hooks";
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
  forgetError(): void;
}

/** @param onDone a command was carried out: its dialog closes. */
export function useCommands(arm: Arm, machineId: string, controller: ConsoleController | undefined, onDone: () => void): Commands {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const run = (command: () => Promise<void>, done: string, failed: string): void => {
    setBusy(true);
    setError(null);
    command().then(
      () => {
        setBusy(false);
        toast(done);
        onDone();
      },
      (reason: Error) => {
        setBusy(false);
        setError(`${failed}: ${reason.message}`);
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
    forgetError: () => setError(null),
  };
}
