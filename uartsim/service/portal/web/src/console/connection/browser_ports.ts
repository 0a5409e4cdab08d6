/** The ports of a console's connection in a browser: the management REST, WebSockets and timers. */
import type { Arm } from "../../azure/arm";
import type { Session } from "../../session/session";
import type { ConnectionPorts, ConsoleSocket, SocketEvents } from "./console_connection";
import { socketAddress, type Position } from "./session_address";

/** The api-version of Microsoft.SerialConsole. */
export const SERIAL_CONSOLE_VERSION = "2024-07-01";

/** The path of a machine's serial port. */
export function serialPortPath(machineId: string): string {
  return `${machineId}/providers/Microsoft.SerialConsole/serialPorts/0`;
}

export function browserPorts(arm: Arm, session: Session, machineId: string): ConnectionPorts {
  return {
    async connect() {
      const answer = await arm.call<{ connectionString: string }>(`${serialPortPath(machineId)}/connect`, SERIAL_CONSOLE_VERSION, {
        method: "POST",
      });
      return answer.connectionString;
    },
    token: () => session.token(),
    openSocket,
    now: () => Date.now(),
    after(milliseconds, action) {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
  };
}

function openSocket(connectionString: string, watch: boolean, position: Position | null, events: SocketEvents): ConsoleSocket {
  const socket = new WebSocket(socketAddress(connectionString, location.host, watch, position));
  socket.binaryType = "arraybuffer";
  socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) =>
    events.onMessage(typeof event.data === "string" ? event.data : new Uint8Array(event.data));
  socket.onclose = (event) => events.onClose(event.code, event.reason);
  return {
    get isOpen() {
      return socket.readyState === WebSocket.OPEN;
    },
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
  };
}
