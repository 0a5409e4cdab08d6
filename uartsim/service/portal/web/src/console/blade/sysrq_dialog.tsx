/** Chooses SysRq keys, shows what each will do, and sends them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { Dialog } from "../../ui/dialog";
import { Field, Select } from "../../ui/field";
import { MessageBar } from "../../ui/message_bar";
import { readSysrqKeys, REISUB, SYSRQ_KEYS, type SysrqKey } from "./sysrq_keys";
import "./sysrq_dialog.css";

interface SysrqDialogProps {
  readonly machine: string;
  readonly busy: boolean;
  readonly error: string | null;
  readonly onSend: (keys: string) => void;
  readonly onClose: () => void;
}

const OPTIONS = [
  { value: "", text: "Choose…" },
  { value: REISUB, text: "REISUB: end everything and reboot a machine that hangs" },
  ...SYSRQ_KEYS.map(({ key, meaning }) => ({ value: key, text: `${key}: ${meaning}` })),
];

export function SysrqDialog({ machine, busy, error, onSend, onClose }: SysrqDialogProps): JSX.Element {
  const [typed, setTyped] = useState("");
  const [wrong, setWrong] = useState<string | null>(null);
  const keys = readSysrqKeys(typed);
  const send = (): void => {
    if (typeof keys === "string") setWrong(keys);
    else onSend(keys.map(({ key }) => key).join(""));
  };
  const change = (text: string): void => {
    setTyped(text);
    setWrong(null);
  };
  const actions = (
    <>
      <Button kind={typeof keys !== "string" && keys.some((key) => key.isHarmful) ? "danger" : "primary"} busy={busy} onClick={send}>
        Send
      </Button>
      <Button onClick={onClose}>Cancel</Button>
    </>
  );
  return (
    <Dialog title={`Send SysRq to ${machine}`} actions={actions} onClose={onClose}>
      <p>
        Linux takes SysRq keys whatever else it is doing, if they are allowed: <code>sysctl kernel.sysrq</code> says 1, or the sum of what is.
      </p>
      {error !== null && <MessageBar kind="error">{error}</MessageBar>}
      <form onSubmit={(event) => (event.preventDefault(), send())}>
        <Field label="Key or sequence" hint="One key such as h for help, or several such as REISUB, which are sent one after the other." error={wrong}>
          {(control) => (
            <input class="field-control" {...control} value={typed} maxLength={64} autocomplete="off" spellcheck={false} data-initial-focus onInput={(event) => change(event.currentTarget.value)} />
          )}
        </Field>
      </form>
      <Select label="Add from the list" value="" options={OPTIONS} onChange={(key) => change(typed + key)} />
      <Meanings keys={typeof keys === "string" ? [] : keys} />
    </Dialog>
  );
}

function Meanings({ keys }: { readonly keys: readonly SysrqKey[] }): JSX.Element {
  return (
    <div class="sysrq-meanings" tabIndex={0} role="region" aria-label="What the keys do">
      {keys.length === 0 && <p>What each key does is shown here.</p>}
      <ol>
        {keys.map(({ key, meaning, isHarmful }, index) => (
          <li key={index}>
            <kbd>{key}</kbd> {meaning}
            {isHarmful === true && <strong> (disruptive)</strong>}
          </li>
        ))}
      </ol>
    </div>
  );
}
