/** What the service says of the machine beside its console; asked again when the connection changes, and while the machine is off. */
import { useEffect, useState } from "preact/hooks";
import type { Arm } from "../../azure/arm";
import { CloseCode } from "../connection/close_codes";
import type { ConnectionState } from "../connection/connection";
import { getConsoleFacts, type ConsoleFacts } from "../../azure/console_facts";

/** How often it is asked whether a machine that is off runs again, in milliseconds. */
const ASK_EVERY_MS = 3000;

interface Answer {
  readonly status: ConsoleFacts;
  /** What the connection was when it was asked. */
  readonly asked: ConnectionState["kind"];
}

/**
 * @param onRunning a machine that was off runs.
 * @returns the last answer, and the same as long as the connection is what it was then.
 */
export function useConsoleStatus(
  arm: Arm,
  machineId: string,
  connection: ConnectionState,
  onRunning: () => void,
): { readonly last: ConsoleFacts | null; readonly present: ConsoleFacts | null } {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const isOff = isMachineOff(connection);
  useEffect(() => {
    const ended = new AbortController();
    const ask = (): void => {
      getConsoleFacts(arm, machineId, ended.signal).then(
        (status) => {
          setAnswer({ status, asked: connection.kind });
          if (isOff && status.powerState === "running") onRunning();
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
  const last = answer?.status ?? null;
  return { last, present: answer?.asked === connection.kind ? last : null };
}

/** Whether the console is not there because the machine is off. */
export function isMachineOff(connection: ConnectionState): boolean {
  if (connection.kind === "refused") return connection.error.rule === "running";
  return connection.kind === "ended" && connection.code === CloseCode.MACHINE_OFF;
}
