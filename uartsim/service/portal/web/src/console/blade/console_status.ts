/** What the service says of a console beside its WebSocket: `GET /_uartsim/portal/console`. */
import type { Arm } from "../../azure/arm";

export interface ConsoleStatus {
  readonly osType: "Linux" | "Windows";
  readonly powerState: string;
  readonly format: string | null;
  readonly holder: { readonly user: string } | null;
  readonly watchers: number;
}

export async function readConsoleStatus(arm: Arm, machineId: string, signal?: AbortSignal): Promise<ConsoleStatus> {
  const response = await arm.fetch(`/_uartsim/portal/console?machine=${encodeURIComponent(machineId)}`, { signal });
  return (await response.json()) as ConsoleStatus;
}
