/** Commands for the instances that are selected. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import type { VirtualMachine } from "../azure/compute";
import { Button } from "../ui/button";
import type { IconName } from "../ui/icon";
import { Toolbar } from "../ui/toolbar";
import type { MachineId } from "./machine_id";
import { COMMAND_TEXTS, powerOperation } from "./power_operations";
import { stateOf, whyNot, type PowerCommand } from "./power_state";
import { Question } from "./power_toolbar";
import { instancesText, upgradeOperation } from "./scale_set_model";
import type { Operations } from "./use_operation";

type Command = Exclude<PowerCommand, "reset" | "powerOff">;

const COMMANDS: readonly { readonly command: Command; readonly icon: IconName }[] = [
  { command: "start", icon: "start" },
  { command: "restart", icon: "restart" },
  { command: "deallocate", icon: "stop" },
];

interface InstancesToolbarProps {
  readonly scaleSet: MachineId;
  /** The instances that are selected. */
  readonly chosen: readonly VirtualMachine[];
  readonly operations: Operations;
  readonly onRefresh: () => void;
}

export function InstancesToolbar({ scaleSet, chosen, operations, onRefresh }: InstancesToolbarProps): JSX.Element {
  const { arm } = usePortal();
  const [asked, setAsked] = useState<Command | null>(null);
  const ids = chosen.map((one) => one.instanceId ?? "");
  const what = instancesText(scaleSet.name, ids);
  const none = chosen.length === 0 ? "Select instances first." : null;
  const busy = operations.running === null ? none : `${operations.running.doing}: wait until that is done.`;
  const run = (command: Command): void => {
    setAsked(null);
    operations.run(powerOperation(arm, command, scaleSet.id, what, { instanceIds: ids }));
  };
  const upgrade = (): void => operations.run(upgradeOperation(arm, scaleSet, ids));
  return (
    <>
      <Toolbar label={`Commands for instances of ${scaleSet.name}`}>
        {COMMANDS.map(({ command, icon }) => (
          <Button
            key={command}
            icon={icon}
            kind="quiet"
            label={`${COMMAND_TEXTS[command].text} the selected instances`}
            unavailable={busy ?? whyNotAny(command, chosen)}
            onClick={() => (COMMAND_TEXTS[command].question === null ? run(command) : setAsked(command))}
          >
            {COMMAND_TEXTS[command].text}
          </Button>
        ))}
        <Button icon="up" kind="quiet" label="Upgrade the selected instances to the latest model" unavailable={busy ?? whyNoUpgrade(chosen)} onClick={upgrade}>
          Upgrade
        </Button>
        <Button icon="refresh" kind="quiet" label="Refresh the instances" onClick={onRefresh}>
          Refresh
        </Button>
      </Toolbar>
      {asked !== null && <Question command={asked} name={what} onConfirm={() => run(asked)} onCancel={() => setAsked(null)} />}
    </>
  );
}

/** Why a command applies to none of the instances; null if it applies to one. */
function whyNotAny(command: Command, instances: readonly VirtualMachine[]): string | null {
  const reasons = instances.map((one) => whyNot(command, stateOf(one).code));
  return reasons.includes(null) ? null : (reasons[0] ?? null);
}

function whyNoUpgrade(instances: readonly VirtualMachine[]): string | null {
  return instances.some((one) => one.properties.latestModelApplied === false) ? null : "The selected instances have the latest model already.";
}
