/** What the power commands do, and what is asked before. */
import type { Arm } from "../azure/arm";
import { COMPUTE_API } from "../azure/compute";
import { sendAdminCommand } from "../console/connection/admin_commands";
import { SERIAL_CONSOLE_VERSION, serialPortPath } from "../console/connection/browser_ports";
import type { PowerCommand } from "./power_state";
import type { Operation } from "./use_operation";

/** How long a console may take to open for the reset button, in milliseconds. */
const OPEN_MS = 15_000;

interface CommandTexts {
  /** On the button. */
  readonly text: string;
  /** Before and after the machine's name. */
  readonly doing: string;
  readonly done: string;
  /** What is asked before; null if nothing is. */
  readonly question: string | null;
}

export const COMMAND_TEXTS: Readonly<Record<PowerCommand, CommandTexts>> = {
  start: { text: "Start", doing: "Starting", done: "has been started.", question: null },
  restart: {
    text: "Restart",
    doing: "Restarting",
    done: "has been restarted.",
    question: "The guest shuts down and boots again. What is not saved in it is lost; an open console comes back by itself.",
  },
  reset: {
    text: "Reset",
    doing: "Resetting",
    done: "has been reset.",
    question:
      "This is the reset button: the guest gets no chance to shut down, and its file systems may be damaged. An open console is not interrupted, so that GRUB can be caught.",
  },
  powerOff: {
    text: "Stop",
    doing: "Stopping",
    done: "has been stopped. It stays allocated.",
    question: "The guest shuts down, and the machine stays allocated. Its serial console ends.",
  },
  deallocate: {
    text: "Stop (deallocate)",
    doing: "Deallocating",
    done: "has been stopped and deallocated.",
    question: "The guest shuts down, and the machine gives its computer back. Its serial console ends, and there is none until it is started again.",
  },
};

/**
 * A command as an operation.
 *
 * @param path the machine's ARM id, or that of a scale set, for some of its instances.
 * @param name what people call it.
 * @param body what is sent: of a scale set, which instances.
 */
export function powerOperation(arm: Arm, command: Exclude<PowerCommand, "reset">, path: string, name: string, body?: object): Operation {
  const texts = COMMAND_TEXTS[command];
  return {
    doing: `${texts.doing} ${name}`,
    done: `${name} ${texts.done}`,
    work: () => arm.call(`${path}/${command}`, COMPUTE_API, { method: "POST", ...(body === undefined ? {} : { body }) }),
  };
}

/** The reset button of a machine; it belongs to the console, and needs what a console needs. */
export function resetOperation(arm: Arm, machineId: string, name: string): Operation {
  return { doing: `${COMMAND_TEXTS.reset.doing} ${name}`, done: `${name} ${COMMAND_TEXTS.reset.done}`, work: () => reset(arm, machineId) };
}

/**
 * Admin commands are for sessions whose WebSocket is open.  One that never shows its token takes the console from nobody
 * (docs/azure-gateway.md).
 */
async function reset(arm: Arm, machineId: string): Promise<void> {
  const answer = await arm.call<{ connectionString: string }>(`${serialPortPath(machineId)}/connect`, SERIAL_CONSOLE_VERSION, { method: "POST" });
  const socket = new WebSocket(`wss://${location.host}${new URL(answer.connectionString).pathname}`);
  try {
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error("The console did not answer in time, so nothing was reset. Try it again.")), OPEN_MS);
      socket.onmessage = () => {
        clearTimeout(late);
        resolve();
      };
      socket.onclose = ({ reason }) => {
        clearTimeout(late);
        reject(new Error(reason || "Web socket is closed or could not be opened."));
      };
    });
    await sendAdminCommand(arm, answer.connectionString, "reset");
  } finally {
    socket.close();
  }
}
