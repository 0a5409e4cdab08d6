/** NMI, reset and SysRq, beside the WebSocket of a console. */
import type { Arm } from "../../azure/arm";
import { adminCommandPath, type AdminCommand } from "./session_address";

/**
 * Gives an admin command to the machine of a session.
 *
 * @param session the connection string of a session whose WebSocket is open.
 * @param keys the keys of SysRq; letters and digits.
 * @throws ArmError the machine did not get it.
 */
export async function sendAdminCommand(arm: Arm, session: string, command: AdminCommand, keys = ""): Promise<void> {
  await arm.fetch(adminCommandPath(session, command), {
    method: "POST",
    body: {
      command,
      requestId: crypto.randomUUID(),
      commandParameters: command === "sysrq" ? { SysRqCommand: keys } : {},
    },
  });
}
