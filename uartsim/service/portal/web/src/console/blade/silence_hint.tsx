/** What the documents advise where a console shows nothing. */
import type { JSX } from "preact";
import { Button } from "../../ui/button";
import { MessageBar } from "../../ui/message_bar";
import type { Silence } from "./silence";

interface SilenceHintProps {
  readonly silence: Exclude<Silence, "none">;
  readonly isWindows: boolean;
  readonly isWatching: boolean;
  readonly onEnter: () => void;
  readonly onDiagnose: () => void;
  readonly onDismiss: () => void;
}

export function SilenceHint({ silence, isWindows, isWatching, onEnter, onDiagnose, onDismiss }: SilenceHintProps): JSX.Element {
  const actions = (
    <>
      {!isWatching && (
        <Button label="Press Enter: types it at the machine" onClick={onEnter}>
          Press Enter
        </Button>
      )}
      <Button onClick={onDiagnose}>Diagnose</Button>
    </>
  );
  return (
    <MessageBar kind="info" actions={actions} onDismiss={onDismiss}>
      {silence === "no-output" ? (
        <p>Nothing is showing yet. Pressing Enter often brings a prompt. If it does not, make sure that boot diagnostics is enabled for this VM.</p>
      ) : (
        <p>
          No response to Enter. {isWindows ? "The Special Administration Console (SAC) may be off in this Windows." : "The guest may not use its serial port: a custom image or GRUB configuration needs console=ttyS0."}
        </p>
      )}
    </MessageBar>
  );
}
