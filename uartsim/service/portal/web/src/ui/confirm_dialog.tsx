/** A question before something that cannot be undone, or that others notice. */
import type { ComponentChildren, JSX } from "preact";
import { Button } from "./button";
import { Dialog } from "./dialog";

interface ConfirmDialogProps {
  readonly title: string;
  /** What will happen. */
  readonly children: ComponentChildren;
  /** What the button that does it says: "Restart", never "OK". */
  readonly confirm: string;
  readonly danger?: boolean;
  readonly busy?: boolean;
  readonly onConfirm: () => void;
  readonly onCancel: () => void;
}

export function ConfirmDialog(props: ConfirmDialogProps): JSX.Element {
  const { title, children, confirm, danger = false, busy = false, onConfirm, onCancel } = props;
  const actions = (
    <>
      <Button kind={danger ? "danger" : "primary"} busy={busy} onClick={onConfirm}>
        {confirm}
      </Button>
      <Button onClick={onCancel}>Cancel</Button>
    </>
  );
  return (
    <Dialog title={title} actions={actions} onClose={onCancel}>
      {children}
    </Dialog>
  );
}
