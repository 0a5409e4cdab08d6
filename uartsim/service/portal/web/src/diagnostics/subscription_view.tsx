/** A subscription: its serial console enabled or disabled, and who used the consoles in it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import type { Arm } from "../azure/arm";
import { usePolled } from "../azure/polled";
import { SERIAL_CONSOLE_VERSION } from "../console/connection/browser_ports";
import { Button } from "../ui/button";
import { ConfirmDialog } from "../ui/confirm_dialog";
import { Toolbar } from "../ui/toolbar";
import { View } from "../ui/view";
import { ErrorBar } from "../views/error_bar";
import { Essentials, NOT_YET } from "../views/essentials";
import { useSubscription } from "../views/machine_overview";
import { OperationStatus } from "../views/operation_status";
import { useOperation, type Operation, type Operations } from "../views/use_operation";
import { AuditList } from "./audit_list";
import { grants, type Permission } from "./permissions";

const EVERY_MS = 3000;
const AUTHORIZATION_API = "2022-04-01";
const SWITCH = "Microsoft.SerialConsole/consoleServices";

interface ConsoleService {
  readonly properties: { readonly disabled: boolean };
}

export function SubscriptionView({ subscriptionId }: { readonly subscriptionId: string }): JSX.Element {
  const { arm } = usePortal();
  const name = useSubscription(subscriptionId);
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.SerialConsole/consoleServices/default`;
  const polled = usePolled(path, (signal) => arm.call<ConsoleService>(path, SERIAL_CONSOLE_VERSION, { signal }), EVERY_MS);
  const may = useMaySwitch(subscriptionId);
  const operations = useOperation(polled.refresh);
  const isDisabled = polled.value?.properties.disabled ?? null;
  const toolbar = <SwitchToolbar name={name} isDisabled={isDisabled} operations={operations} run={(enable) => operations.run(switchOperation(arm, path, name, enable))} />;
  return (
    <View title={name} kind="Subscription" toolbar={toolbar}>
      <OperationStatus operations={operations} />
      <Essentials
        entries={[
          { name: "Serial console", value: isDisabled === null ? NOT_YET : isDisabled ? "Disabled" : "Enabled" },
          { name: "Your access", value: may === null ? NOT_YET : may ? "Can enable and disable the serial console" : "Cannot enable or disable the serial console: your roles do not include it" },
          { name: "Subscription ID", value: <code>{subscriptionId}</code> },
        ]}
      />
      {polled.error !== null && <ErrorBar error={polled.error} what="Whether the serial console is enabled could not be read." onRetry={polled.refresh} />}
      <p>
        By default, the serial console is enabled for all virtual machines of a subscription. To enable or disable it, you must have write permissions to the
        subscription: roles such as administrator, owner or contributor have them, and custom roles can. Disabling it closes all consoles that are open; guests are
        not logged out by that.
      </p>
      <section class="audit-list" aria-labelledby="subscription-audit">
        <h2 id="subscription-audit">Audit</h2>
        <AuditList scope={{ subscription: subscriptionId }} name={name} />
      </section>
    </View>
  );
}

/** Whether the user's roles include both buttons; null until that is known, or if it cannot be. */
function useMaySwitch(subscriptionId: string): boolean | null {
  const { arm } = usePortal();
  const path = `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/permissions`;
  const { value } = usePolled(path, (signal) => arm.list<Permission>(path, AUTHORIZATION_API, signal), null);
  if (value === null) return null;
  const both = ["enableConsole", "disableConsole"].every((verb) => grants(value, `${SWITCH}/${verb}/action`));
  return both || grants(value, `${SWITCH}/write`);
}

interface SwitchToolbarProps {
  readonly name: string;
  readonly isDisabled: boolean | null;
  readonly operations: Operations;
  readonly run: (enable: boolean) => void;
}

function SwitchToolbar({ name, isDisabled, operations, run }: SwitchToolbarProps): JSX.Element {
  const [asks, setAsks] = useState(false);
  const busy = operations.running === null ? null : `${operations.running.doing}: wait until that is done.`;
  const disable = (): void => {
    setAsks(false);
    run(false);
  };
  return (
    <>
      <Toolbar label={`Commands for ${name}`}>
        <Button icon="start" kind="quiet" unavailable={busy ?? (isDisabled === false ? "The serial console is enabled already." : null)} onClick={() => run(true)}>
          Enable serial console
        </Button>
        <Button icon="stop" kind="quiet" unavailable={busy ?? (isDisabled === true ? "The serial console is disabled already." : null)} onClick={() => setAsks(true)}>
          Disable serial console
        </Button>
      </Toolbar>
      {asks && (
        <ConfirmDialog title={`Disable the serial console for ${name}?`} confirm="Disable" danger onConfirm={disable} onCancel={() => setAsks(false)}>
          <p>This holds for every virtual machine and every scale set of the subscription. Consoles that are open are closed at once; who is logged in to a guest stays logged in there.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function switchOperation(arm: Arm, path: string, name: string, enable: boolean): Operation {
  const verb = enable ? "enable" : "disable";
  return {
    doing: `${enable ? "Enabling" : "Disabling"} the serial console for ${name}`,
    done: `The serial console is ${verb}d for ${name}.`,
    work: () => arm.call(`${path}/${verb}Console`, SERIAL_CONSOLE_VERSION, { method: "POST" }),
  };
}
