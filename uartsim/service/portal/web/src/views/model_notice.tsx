/** What a scale set still needs for the serial console of its instances: the documents' two steps, and a button for each. */
import type { JSX } from "preact";
import { usePortal } from "../app/context";
import type { ScaleSet, VirtualMachine } from "../azure/compute";
import { Button } from "../ui/button";
import { MessageBar } from "../ui/message_bar";
import type { MachineId } from "./machine_id";
import { bootDiagnosticsOf } from "./machine_model";
import { modelOperation, upgradeOperation } from "./scale_set_model";
import type { Operations } from "./use_operation";

interface ModelNoticeProps {
  readonly scaleSet: MachineId;
  readonly model: ScaleSet | null;
  readonly instances: readonly VirtualMachine[] | null;
  readonly operations: Operations;
}

/** Nothing where there is nothing to do. */
export function ModelNotice({ scaleSet, model, instances, operations }: ModelNoticeProps): JSX.Element | null {
  const { arm } = usePortal();
  if (model === null || instances === null) return null;
  const busy = operations.running === null ? null : `${operations.running.doing}: wait until that is done.`;
  if (!bootDiagnosticsOf(model).isEnabled) {
    const enable = (
      <Button unavailable={busy} onClick={() => operations.run(modelOperation(arm, scaleSet, true))}>
        Update the model: enable boot diagnostics
      </Button>
    );
    return (
      <MessageBar kind="warning" actions={enable}>
        This virtual machine scale set does not have boot diagnostics enabled. Update its model to enable boot diagnostics, and then upgrade all
        instances to the new model in order to access the serial console.
      </MessageBar>
    );
  }
  const behind = instances.filter((one) => one.properties.latestModelApplied === false);
  if (behind.length === 0) return null;
  const upgrade = (
    <Button unavailable={busy} onClick={() => operations.run(upgradeOperation(arm, scaleSet, "all"))}>
      Upgrade all instances to the latest model
    </Button>
  );
  const lacking = behind.filter((one) => !bootDiagnosticsOf(one).isEnabled).length;
  return (
    <MessageBar kind="warning" actions={upgrade}>
      {behind.length} of {instances.length} instances do not have the latest model.
      {lacking > 0 && ` ${lacking} of them have no boot diagnostics, so that there is no serial console. Upgrade all instances to the new model in order to access the serial console.`}
    </MessageBar>
  );
}
