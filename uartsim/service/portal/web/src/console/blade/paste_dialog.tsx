/** The question before a long paste, and its progress. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Progress } from "../../ui/progress";
import { lineSeconds, utf8Length, type PasteProgress } from "../connection/paste_pump";
import "./paste_dialog.css";

interface PasteDialogProps {
  readonly text: string;
  readonly limit: number;
  readonly baud: number;
  readonly onAnswer: (pastes: boolean) => void;
}

export function PasteDialog({ text, limit, baud, onAnswer }: PasteDialogProps): JSX.Element {
  const refuse = (): void => onAnswer(false);
  const actions = (
    <>
      <Button kind="primary" onClick={() => onAnswer(true)}>
        Paste anyway at the line's speed
      </Button>
      <Button onClick={refuse}>Cancel</Button>
    </>
  );
  return (
    <Dialog title="Long paste" actions={actions} onClose={refuse}>
      <p>
        The serial console limits the length of strings pasted into the terminal to {limit.toLocaleString()} characters to prevent overloading the serial port
        bandwidth.
      </p>
      <p>
        This text has {[...text].length.toLocaleString()}. This service can type it as fast as the machine takes it, without losing anything
        {baud > 0 && `: at ${baud.toLocaleString()} baud, in about ${seconds(lineSeconds(utf8Length(text), baud))}`}.
      </p>
    </Dialog>
  );
}

interface PasteBarProps {
  readonly progress: PasteProgress;
  readonly baud: number;
  readonly onCancel: () => void;
}

/** Shown over the terminal while a paste goes on; the browser asks before the page is left. */
export function PasteBar({ progress, baud, onCancel }: PasteBarProps): JSX.Element {
  useEffect(() => {
    const leaving = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener("beforeunload", leaving);
    return () => removeEventListener("beforeunload", leaving);
  }, []);
  const { bytes, taken } = progress;
  return (
    <div class="paste-bar" role="group" aria-label="Paste">
      <span class="paste-bar-text">
        Pasting: {taken.toLocaleString()} of {bytes.toLocaleString()} bytes
        {baud > 0 && `, ${seconds(lineSeconds(bytes - taken, baud))} left`}
      </span>
      <Progress label="Progress of the paste" value={taken} max={bytes} />
      <Button label="Cancel the paste" onClick={onCancel}>
        Cancel
      </Button>
    </div>
  );
}

function seconds(value: number): string {
  return new Intl.NumberFormat(undefined, { style: "unit", unit: "second", unitDisplay: "long", maximumFractionDigits: 0 }).format(Math.ceil(value));
}
