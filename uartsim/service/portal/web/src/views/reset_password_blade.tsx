/** Resetting a password in a guest, or creating a user with one, by the VMAccess extension. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { COMPUTE_API, osTypeOf, powerState, type OsType, type VirtualMachine } from "../azure/compute";
import { usePolled } from "../azure/polled";
import { SubmitButton } from "../ui/button";
import { EmptyState } from "../ui/empty_state";
import { Field, type ControlProps } from "../ui/field";
import { MessageBar } from "../ui/message_bar";
import { View } from "../ui/view";
import { ErrorBar } from "./error_bar";
import { readMachineId, type MachineId } from "./machine_id";
import { getMachine } from "./machine_model";
import { faultsOf, weaknessOf, type Credentials } from "./new_password";
import { OperationStatus } from "./operation_status";
import { useOperation, type Operation } from "./use_operation";
import "./reset_password_blade.css";

const EVERY_MS = 5000;
const NOTHING: Credentials = { user: "", password: "", again: "" };

export function ResetPasswordBlade({ machineId }: { readonly machineId: string }): JSX.Element {
  const machine = readMachineId(machineId);
  if (machine === null || machine.kind === "scaleSet") {
    return (
      <View title="Reset password">
        <EmptyState icon="help" title="Passwords are reset in a virtual machine, or in an instance of a scale set" />
      </View>
    );
  }
  return <ResetPassword machine={machine} />;
}

function ResetPassword({ machine }: { readonly machine: MachineId }): JSX.Element {
  const { arm } = usePortal();
  const polled = usePolled(machine.id, (signal) => getMachine(arm, machine.id, signal), EVERY_MS);
  const operations = useOperation(polled.refresh);
  const found = polled.value;
  const submit = (typed: Credentials): void => {
    if (found !== null) operations.run(passwordOperation(found, machine, typed, (path, body) => arm.call(path, COMPUTE_API, { method: "PUT", body })));
  };
  const isOff = found !== null && powerState(found.properties.instanceView).code !== "running";
  return (
    <View title={`${machine.name} - Reset password`}>
      <p class="reset-password-text">
        The serial console requires a local user with a configured password. The VMAccess extension sets the password of a user in the guest, and creates the
        user if there is none of that name. The password is handed to the guest, and kept nowhere.
      </p>
      <PasswordForm isBusy={operations.running !== null || found === null} onSubmit={submit} />
      <OperationStatus operations={operations} />
      {polled.error !== null && <ErrorBar error={polled.error} what={`${machine.name} could not be read.`} onRetry={polled.refresh} />}
      {isOff && <MessageBar kind="warning">{`${machine.name} is not running. A password can be reset only while it is: start it first.`}</MessageBar>}
    </View>
  );
}

/** The extension of a system, as `az vm user update` installs it. */
const EXTENSIONS: Readonly<Record<OsType, { name: string; publisher: string; type: string; typeHandlerVersion: string }>> = {
  Linux: { name: "enablevmAccess", publisher: "Microsoft.OSTCExtensions", type: "VMAccessForLinux", typeHandlerVersion: "1.5" },
  Windows: { name: "enablevmAccess", publisher: "Microsoft.Compute", type: "VMAccessAgent", typeHandlerVersion: "2.4" },
};

function passwordOperation(found: VirtualMachine, machine: MachineId, typed: Credentials, put: (path: string, body: object) => Promise<unknown>): Operation {
  const { storageProfile, osProfile } = found.properties;
  const { name, ...extension } = EXTENSIONS[osTypeOf(storageProfile, osProfile) ?? "Linux"];
  const user = typed.user.trim();
  const protectedSettings = { username: user, password: typed.password };
  return {
    isSecret: true,
    doing: `Setting the password of ${user} in ${machine.name}`,
    done: `The password of ${user} has been set in ${machine.name}.`,
    work: () =>
      put(`${machine.id}/extensions/${name}`, {
        location: found.location,
        properties: { ...extension, autoUpgradeMinorVersion: true, settings: {}, protectedSettings },
      }),
  };
}

interface PasswordFormProps {
  readonly isBusy: boolean;
  readonly onSubmit: (typed: Credentials) => void;
}

/** The passwords are gone from the form as soon as they are sent. */
function PasswordForm({ isBusy, onSubmit }: PasswordFormProps): JSX.Element {
  const [typed, setTyped] = useState(NOTHING);
  const [isChecked, setChecked] = useState(false);
  const faults = isChecked ? faultsOf(typed) : NO_FAULTS;
  const submitted = (event: SubmitEvent): void => {
    event.preventDefault();
    if (isBusy) return;
    const found = faultsOf(typed);
    const isRight = found.user === null && found.password === null && found.again === null;
    setChecked(!isRight);
    if (!isRight) return;
    setTyped({ ...NOTHING, user: typed.user });
    onSubmit(typed);
  };
  const input = (name: keyof Credentials, type: string, autocomplete: string) => (control: ControlProps) => (
    <input
      class="field-control"
      {...control}
      name={name}
      type={type}
      autocomplete={autocomplete}
      spellcheck={false}
      value={typed[name]}
      onInput={(event) => setTyped({ ...typed, [name]: event.currentTarget.value })}
    />
  );
  return (
    <form class="reset-password" noValidate onSubmit={submitted}>
      <Field label="User name" hint="An account in the guest; a new one is created." error={faults.user}>
        {input("user", "text", "off")}
      </Field>
      <Field label="Password" hint={weaknessOf(typed.password) ?? "At least 12 characters, of three kinds."} error={faults.password}>
        {input("password", "password", "new-password")}
      </Field>
      <Field label="Confirm password" error={faults.again}>
        {input("again", "password", "new-password")}
      </Field>
      <SubmitButton busy={isBusy}>Reset password</SubmitButton>
    </form>
  );
}

const NO_FAULTS = { user: null, password: null, again: null };
