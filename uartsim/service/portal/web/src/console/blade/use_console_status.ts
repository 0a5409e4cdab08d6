/** What the service says of the machine beside its console; asked again when the connection changes, and while the machine is off. */
import { useEffect, useState } from "preact/hooks";
import type { Arm } from "../../azure/arm";
import { CloseCode } from "../connection/close_codes";
import type { ConnectionState } from "../connection/connection";
import { getConsoleFacts, type ConsoleFacts } from "../../azure/console_facts";

/** How often it is asked whether a machine that is off runs again, in milliseconds. */
const ASK_EVERY_MS = 3000;

/** @param onRunning a machine that was off runs. */
export function useConsoleStatus(arm: Arm, machineId: string, connection: ConnectionState, onRunning: () => void): ConsoleFacts | null {
  const [status, setStatus] = useState<ConsoleFacts | null>(null);
  const isOff = isMachineOff(connection);
  useEffect(() => {
    const ended = new AbortController();
    const ask = (): void => {
      getConsoleFacts(arm, machineId, ended.signal).then(
        (answer) => {
          setStatus(answer);
          if (isOff && answer.powerState === "running") onRunning();
        },
        () => undefined, // The connection says itself what is wrong.
      );
    };
    ask();
    const timer = isOff ? setInterval(ask, ASK_EVERY_MS) : undefined;
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [machineId, connection.kind, isOff]);
  return status;
}

/** Whether the console is not there because the machine is off. */
export function isMachineOff(connection: ConnectionState): boolean {
  if (connection.kind === "refused") return connection.error.rule === "running";
  return connection.kind === "ended" && connection.code === CloseCode.MACHINE_OFF;
}
