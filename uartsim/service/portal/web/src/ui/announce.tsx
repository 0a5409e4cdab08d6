/** Short notices: read to a screen reader, and shown at the foot of the page for a while if they are to be seen too. */
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import "./announce.css";

const SHOWN_FOR_MS = 6000;

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

/** Where notices appear; once in the page, and always there, since a live region is heard only if it was there before. */
export function Notices(): JSX.Element {
  const [notice, setNotice] = useState<Notice | null>(null);
  useEffect(() => {
    listener = setNotice;
    return () => {
      listener = null;
    };
  }, []);
  useEffect(() => {
    if (notice === null) return;
    const timer = setTimeout(() => setNotice(null), SHOWN_FOR_MS);
    return () => clearTimeout(timer);
  }, [notice]);
  return (
    <div class="notices" role="status">
      {notice !== null && (
        <div key={notice.number} class={notice.isShown ? "notices-toast" : "visually-hidden"}>
          {notice.text}
        </div>
      )}
    </div>
  );
}
