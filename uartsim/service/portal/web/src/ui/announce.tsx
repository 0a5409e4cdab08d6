/** Short notices: read to a screen reader, and shown at the foot of the page for a while if they are to be seen too. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import "./announce.css";

const SHOWN_FOR_MS = 6000;
/** More than so many at a time are not heard to their end anyway. */
const MOST = 5;

interface Notice {
  readonly number: number;
  readonly text: string;
  readonly isShown: boolean;
}

let last = 0;
let listener: ((notice: Notice) => void) | null = null;

function tell(text: string, isShown: boolean): void {
  last += 1;
  listener?.({ number: last, text, isShown });
}

/** Reads a text to a screen reader, without showing it. */
export function announce(text: string): void {
  tell(text, false);
}

/** Shows a text at the foot of the page for a few seconds, and reads it to a screen reader: "Copied". */
export function toast(text: string): void {
  tell(text, true);
}

/**
 * Where notices appear; once in the page, and always there, since a live region is heard only if it was there before.  None takes the
 * place of another: each stays for its time.
 */
export function Notices(): JSX.Element {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  useEffect(() => {
    const timers = new Set<ReturnType<typeof setTimeout>>();
    listener = (notice) => {
      setNotices((before) => [...before, notice].slice(-MOST));
      const timer = setTimeout(() => {
        timers.delete(timer);
        setNotices((before) => before.filter((one) => one !== notice));
      }, SHOWN_FOR_MS);
      timers.add(timer);
    };
    return () => {
      listener = null;
      timers.forEach(clearTimeout);
    };
  }, []);
  return (
    <div class="notices" role="status" aria-atomic="false">
      {notices.map(({ number, text, isShown }) => (
        <div key={number} class={isShown ? "notices-toast" : "visually-hidden"}>
          {text}
        </div>
      ))}
    </div>
  );
}
