/** A terminal's size of one's own. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field } from "../../ui/field";
import type { TerminalSize } from "../terminal/terminal";
import { checkedSize, SIZE_LIMITS } from "./preferences";
import "./size_dialog.css";

interface SizeDialogProps {
  readonly columns: number;
  readonly rows: number;
  readonly onChoose: (size: TerminalSize) => void;
  readonly onClose: () => void;
}

export function SizeDialog({ columns, rows, onChoose, onClose }: SizeDialogProps): JSX.Element {
  const [typed, setTyped] = useState({ columns: String(columns), rows: String(rows) });
  const [wrong, setWrong] = useState<string | null>(null);
  const choose = (): void => {
    const size = checkedSize(Number(typed.columns), Number(typed.rows));
    const { columns, rows } = SIZE_LIMITS;
    if (size === null) setWrong(`Use ${columns.least} to ${columns.most} columns and ${rows.least} to ${rows.most} rows.`);
    else onChoose(size);
  };
  const actions = (
    <>
      <Button kind="primary" onClick={choose}>
        Use this size
      </Button>
      <Button onClick={onClose}>Cancel</Button>
    </>
  );
  return (
    <Dialog title="Size of the terminal" actions={actions} onClose={onClose}>
      <p>The size stays while the window changes. The machine does not learn it by itself: press Fit afterwards.</p>
      <form class="size-fields" onSubmit={(event) => (event.preventDefault(), choose())}>
        <SizeField label="Columns" value={typed.columns} error={wrong} isFirst onChange={(text) => setTyped({ ...typed, columns: text })} />
        <SizeField label="Rows" value={typed.rows} error={null} onChange={(text) => setTyped({ ...typed, rows: text })} />
        <button class="visually-hidden" tabIndex={-1} aria-hidden="true" />
      </form>
    </Dialog>
  );
}

interface SizeFieldProps {
  readonly label: string;
  readonly value: string;
  readonly error: string | null;
  readonly isFirst?: boolean;
  readonly onChange: (text: string) => void;
}

function SizeField({ label, value, error, isFirst, onChange }: SizeFieldProps): JSX.Element {
  return (
    <Field label={label} error={error}>
      {(control) => (
        <input class="field-control" {...control} inputMode="numeric" value={value} data-initial-focus={isFirst} onInput={(event) => onChange(event.currentTarget.value)} />
      )}
    </Field>
  );
}
