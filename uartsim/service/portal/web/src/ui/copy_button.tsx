/** A button that puts a text into the clipboard. */
import type { JSX } from "preact";
import { toast } from "./announce";
import { Button } from "./button";

interface CopyButtonProps {
  readonly text: string;
  /** What is copied: "the resource ID". */
  readonly what: string;
}

export function CopyButton({ text, what }: CopyButtonProps): JSX.Element {
  const copy = (): void => {
    navigator.clipboard.writeText(text).then(
      () => toast(`Copied ${what}.`),
      () => toast("The browser refused the clipboard. Select the text and press Ctrl+C."),
    );
  };
  return <Button kind="quiet" icon="copy" label={`Copy ${what}`} onClick={copy} />;
}
