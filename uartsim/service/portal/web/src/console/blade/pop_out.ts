/** A console in a window of its own. */
import { useEffect, useRef, useState, type MutableRef } from "preact/hooks";
import { resourceHash } from "../../app/route";

export interface PopOut {
  /** The console is in its own window now. */
  readonly isOut: boolean;
  /** Opens the window; false if the browser did not allow it. */
  open(): boolean;
  /** Closes the window, and shows the console here. */
  bringBack(): void;
}

/** How often it is looked whether the window is still there, in milliseconds: a browser tells nobody. */
const LOOK_EVERY_MS = 500;

/**
 * @param isWatching the console is only looked at: so it is in the window.
 * @param onBack the window has closed, or is to: the console is shown here again.
 */
export function usePopOut(machineId: string, isWatching: MutableRef<boolean>, onBack: () => void): PopOut {
  const [isOut, setOut] = useState(false);
  const opened = useRef<Window | null>(null);
  const back = (): void => {
    opened.current?.close();
    opened.current = null;
    setOut(false);
    onBack();
  };
  useEffect(() => {
    if (!isOut) return;
    const timer = setInterval(() => opened.current?.closed === true && back(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [isOut]);
  return {
    isOut,
    open() {
      opened.current = window.open(`${location.pathname}${resourceHash(machineId, "console", { alone: true, watch: isWatching.current })}`, "_blank", "popup,width=1000,height=700");
      setOut(opened.current !== null);
      return opened.current !== null;
    },
    bringBack: back,
  };
}
