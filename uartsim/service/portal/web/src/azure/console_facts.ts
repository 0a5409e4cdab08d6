/** What the service says of the console of a machine, beyond Azure: `/_uartsim/portal/console` (docs/portal-api.md). */
import type { Arm } from "./arm";

export interface ConsoleFacts {
  readonly osType: "Linux" | "Windows";
  readonly powerState: string;
  readonly baud: number | null;
  /** Such as `8N1`. */
  readonly format: string | null;
  readonly holder: { readonly user: string; readonly since: string } | null;
  readonly watchers: number;
  /** False where the portal has no console for this machine: in the preview, for subscriptions that are not white-listed. */
  readonly offered: boolean;
  /** The name of the guest, such as `demo`. */
  readonly guest: string;
  readonly hasDisplay: boolean;
}

export async function getConsoleFacts(arm: Arm, machineId: string, signal?: AbortSignal): Promise<ConsoleFacts> {
  const answer = await arm.fetch(`/_uartsim/portal/console?machine=${encodeURIComponent(machineId)}`, { signal });
  return (await answer.json()) as ConsoleFacts;
}
