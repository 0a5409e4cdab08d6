/** One line above the terminal that is always there, so that nothing moves: a caution, advice for Windows, or how to get out. */
import type { JSX } from "preact";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { OUTPUT_IS_LOGGED } from "./cautions";
import "./hint_line.css";

interface HintLineProps {
  readonly hasReadCaution: boolean;
  readonly isWindows: boolean;
  readonly onRead: () => void;
}

export function HintLine({ hasReadCaution, isWindows, onRead }: HintLineProps): JSX.Element {
  if (!hasReadCaution) {
    return (
      <div class="hint-line hint-caution" role="note">
        <Icon name="alert" />
        <p title={OUTPUT_IS_LOGGED}>{OUTPUT_IS_LOGGED}</p>
        <Button label="Dismiss the caution that the output is logged" onClick={onRead}>
          Got it
        </Button>
      </div>
    );
  }
  return (
    <div class="hint-line" role="note">
      <Icon name="info" />
      <p>{isWindows ? <WindowsHint /> : <KeysHint />}</p>
    </div>
  );
}

function WindowsHint(): JSX.Element {
  return (
    <>
      At <code>SAC&gt;</code>: <kbd>cmd</kbd> starts a command prompt, <kbd>ch -si 1</kbd> shows it. Only health information? SAC is off: see Help.
    </>
  );
}

function KeysHint(): JSX.Element {
  return (
    <>
      <kbd>Ctrl</kbd> + <kbd>F6</kbd> leaves the terminal, <kbd>Ctrl</kbd> + <kbd>Shift</kbd> + <kbd>C</kbd> and <kbd>V</kbd> copy and paste.
    </>
  );
}
