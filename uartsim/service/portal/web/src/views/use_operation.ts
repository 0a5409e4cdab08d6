/** Long operations of a view: the one that goes on, and how the last one failed. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { ArmError } from "../azure/arm";
import { announce, toast } from "../ui/announce";

export interface Operation {
  /** What is done, while it is: "Restarting linux1". */
  readonly doing: string;
  /** What is said when it is done: "linux1 has been restarted." */
  readonly done: string;
  readonly work: () => Promise<unknown>;
  /** It holds a secret: after a failure it is forgotten, and cannot be tried again. */
  readonly isSecret?: true;
}

export interface Operations {
  /** The operation that goes on; null if none does. */
  readonly running: Operation | null;
  /** How the last one failed; null if it did not. */
  readonly failed: { readonly operation: Operation; readonly error: ArmError } | null;
  /** Starts an operation, and tells its progress and its end, also when its view has been left by then. */
  run(operation: Operation): void;
  dismiss(): void;
}

/** @param onEnd called when an operation has ended, well or not: what is shown may have changed. */
export function useOperation(onEnd: () => void): Operations {
  const [running, setRunning] = useState<Operation | null>(null);
  const [failed, setFailed] = useState<Operations["failed"]>(null);
  const isShown = useRef(true);
  const ended = useRef(onEnd);
  ended.current = onEnd;
  useEffect(
    () => () => {
      isShown.current = false;
    },
    [],
  );
  const run = useCallback(async (operation: Operation): Promise<void> => {
    setRunning(operation);
    setFailed(null);
    announce(`${operation.doing}…`);
    try {
      await operation.work();
      toast(operation.done);
    } catch (fault) {
      const error = asArmError(fault);
      if (isShown.current) setFailed({ operation: operation.isSecret ? { ...operation, work: forgotten } : operation, error });
      else toast(`${operation.doing} failed: ${error.message}`);
    }
    setRunning(null);
    ended.current();
  }, []);
  return { running, failed, run: (operation) => void run(operation), dismiss: () => setFailed(null) };
}

async function forgotten(): Promise<void> {}

/** An error as one that can be shown; one that is not the service's is a fault of the page. */
function asArmError(error: unknown): ArmError {
  return error instanceof ArmError ? error : new ArmError(0, "PageFault", error instanceof Error ? error.message : String(error));
}
