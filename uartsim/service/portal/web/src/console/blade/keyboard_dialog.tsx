/** The keyboard shortcuts, in a dialog. */
import type { JSX } from "preact";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { between, SHORTCUTS } from "./shortcuts";
import "./keyboard_dialog.css";

export function KeyboardDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keyboard shortcuts" actions={<Button onClick={onClose}>Close</Button>} onClose={onClose}>
      <ShortcutList />
    </Dialog>
  );
}

export function ShortcutList(): JSX.Element {
  return (
    <dl class="shortcut-list">
      {SHORTCUTS.map((shortcut) => (
        <div key={shortcut.what}>
          <dt>
            {shortcut.keys.map((key, index) => (
              <>
                {index > 0 && between(shortcut)}
                <kbd key={key}>{key}</kbd>
              </>
            ))}
          </dt>
          <dd>{shortcut.what}</dd>
        </div>
      ))}
    </dl>
  );
}
