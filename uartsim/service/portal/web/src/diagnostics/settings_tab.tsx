/** Where boot diagnostics are kept, or that there are none: which disables the serial console of the machine. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { resourceHash } from "../app/route";
import type { Arm } from "../azure/arm";
import { usePolled } from "../azure/polled";
import { Button } from "../ui/button";
import { ConfirmDialog } from "../ui/confirm_dialog";
import { Select } from "../ui/field";
import { MessageBar } from "../ui/message_bar";
import { ErrorBar } from "../views/error_bar";
import type { MachineId } from "../views/machine_id";
import { diagnosticsText, setBootDiagnostics, type BootDiagnostics } from "../views/machine_model";
import { OperationStatus } from "../views/operation_status";
import { useOperation, type Operation } from "../views/use_operation";
import { listAccounts, storageUriOf, whyNoConsole, type StorageAccount } from "./storage_accounts";
import "./settings_tab.css";

interface SettingsTabProps {
  readonly machine: MachineId;
  readonly settings: BootDiagnostics;
  readonly onChanged: () => void;
}

export function SettingsTab({ machine, settings, onChanged }: SettingsTabProps): JSX.Element {
  return (
    <div class="settings-tab">
      <p>
        <strong>Boot diagnostics:</strong> {diagnosticsText(settings)}
      </p>
      {machine.scaleSetId === null ? (
        <MachineSettings machine={machine} settings={settings} onChanged={onChanged} />
      ) : (
        <MessageBar kind="info">
          The instances of a scale set have the boot diagnostics of its model. <a href={resourceHash(machine.scaleSetId)}>Update the model</a>, and then upgrade the
          instances to it.
        </MessageBar>
      )}
    </div>
  );
}

type Choice = "managed" | "custom" | "off";
const CHOICES: readonly { readonly value: Choice; readonly text: string }[] = [
  { value: "managed", text: "Enable with managed storage account (recommended)" },
  { value: "custom", text: "Enable with custom storage account" },
  { value: "off", text: "Disable" },
];

function MachineSettings({ machine, settings, onChanged }: SettingsTabProps): JSX.Element {
  const { arm } = usePortal();
  const [choice, setChoice] = useState<Choice>(choiceOf(settings));
  const [asks, setAsks] = useState(false);
  const accounts = usePolled(machine.subscriptionId, (signal) => listAccounts(arm, machine.subscriptionId, signal), null);
  const [name, setName] = useState(settings.account ?? "");
  const operations = useOperation(onChanged);
  const known = accounts.value ?? [];
  const account = known.find((one) => one.name.toLowerCase() === name.toLowerCase()) ?? null;
  const save = (): void => {
    setAsks(false);
    operations.run(settingsOperation(arm, machine, choice, account));
  };
  const isMissing = choice === "custom" && account === null;
  const unavailable = operations.running !== null ? "The settings are being saved." : isMissing ? "Choose a storage account first." : null;
  return (
    <>
      <fieldset class="settings-tab-choices">
        <legend>Status</legend>
        {CHOICES.map(({ value, text }) => (
          <label key={value} class="field-choice">
            <input type="radio" name="boot-diagnostics" checked={choice === value} onChange={() => setChoice(value)} />
            <span>{text}</span>
          </label>
        ))}
      </fieldset>
      {choice === "custom" && <AccountChoice accounts={accounts.value} name={name} chosen={account} onChange={setName} />}
      {choice === "custom" && accounts.error !== null && <ErrorBar error={accounts.error} what="The storage accounts could not be read." onRetry={accounts.refresh} />}
      {choice === "off" && <MessageBar kind="warning">{OFF_TEXT}</MessageBar>}
      <Button kind="primary" unavailable={unavailable} onClick={() => (choice === "off" && settings.isEnabled ? setAsks(true) : save())}>
        Save
      </Button>
      <OperationStatus operations={operations} />
      {asks && (
        <ConfirmDialog title={`Disable boot diagnostics for ${machine.name}?`} confirm="Disable" danger onConfirm={save} onCancel={() => setAsks(false)}>
          <p>{OFF_TEXT}</p>
        </ConfirmDialog>
      )}
    </>
  );
}

const OFF_TEXT =
  "Turning off boot diagnostics disables the serial console for this virtual machine: consoles that are open are closed, and nothing is written to the serial log. What was written stays.";

interface AccountChoiceProps {
  readonly accounts: readonly StorageAccount[] | null;
  /** What is configured or chosen; it may be gone, or no account yet. */
  readonly name: string;
  readonly chosen: StorageAccount | null;
  readonly onChange: (name: string) => void;
}

function AccountChoice({ accounts, name, chosen, onChange }: AccountChoiceProps): JSX.Element | null {
  if (accounts === null) return null;
  if (accounts.length === 0) return <MessageBar kind="info">You can see no storage account in this subscription.</MessageBar>;
  const reason = chosen === null ? null : whyNoConsole(chosen);
  const options = accounts.map((one) => ({ value: one.name, text: `${one.name} (${one.location})` }));
  if (chosen === null) options.unshift({ value: name, text: name === "" ? "Choose an account" : `${name} (not found)` });
  return (
    <div class="settings-tab-account">
      <Select label="Storage account" value={chosen?.name ?? name} options={options} onChange={onChange} />
      {reason !== null && <MessageBar kind="warning">{reason}</MessageBar>}
      <p>Each account has a log of its own: the new one begins empty, and the old one stays where it is.</p>
    </div>
  );
}

function choiceOf({ isEnabled, account }: BootDiagnostics): Choice {
  if (!isEnabled) return "off";
  return account === null ? "managed" : "custom";
}

function settingsOperation(arm: Arm, machine: MachineId, choice: Choice, account: StorageAccount | null): Operation {
  const storageUri = choice === "custom" && account !== null ? storageUriOf(account) : null;
  const bootDiagnostics = choice === "off" ? { enabled: false } : { enabled: true, storageUri };
  return {
    doing: `Saving the boot diagnostics for ${machine.name}`,
    done: `Boot diagnostics of ${machine.name} are ${choice === "off" ? "disabled, and with them its serial console" : "enabled"}.`,
    work: () => setBootDiagnostics(arm, machine.id, bootDiagnostics),
  };
}
