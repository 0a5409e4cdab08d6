/** The question before an address that the machine has shown is opened. */
import type { JSX } from "preact";
import { ConfirmDialog } from "../../ui/confirm_dialog";

interface LinkDialogProps {
  readonly url: string;
  readonly onClose: () => void;
}

export function LinkDialog({ url, onClose }: LinkDialogProps): JSX.Element {
  const open = (): void => {
    window.open(url, "_blank", "noopener,noreferrer");
    onClose();
  };
  return (
    <ConfirmDialog title="Open this address?" confirm="Open in a new tab" onConfirm={open} onCancel={onClose}>
      <p>The machine has shown this address. Open it only if you know it.</p>
      <p>
        <code>{url}</code>
      </p>
    </ConfirmDialog>
  );
}
