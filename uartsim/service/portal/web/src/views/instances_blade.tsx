/** The instances of a scale set: which model they have, their power, and commands for several at once. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { usePolled } from "../azure/polled";
import { EmptyState } from "../ui/empty_state";
import { Spinner } from "../ui/progress";
import { View } from "../ui/view";
import { ErrorBar } from "./error_bar";
import { InstanceTable } from "./instance_table";
import { InstancesToolbar } from "./instances_toolbar";
import { readMachineId, type MachineId } from "./machine_id";
import { listInstances } from "./machine_model";
import { ModelNotice } from "./model_notice";
import { OperationStatus } from "./operation_status";
import { getScaleSet } from "./scale_set_model";
import { useOperation } from "./use_operation";

const EVERY_MS = 2500;

export function InstancesBlade({ scaleSetId }: { readonly scaleSetId: string }): JSX.Element {
  const scaleSet = readMachineId(scaleSetId);
  if (scaleSet?.kind !== "scaleSet") {
    return (
      <View title="Instances">
        <EmptyState icon="help" title="Only a virtual machine scale set has instances" />
      </View>
    );
  }
  return <Instances scaleSet={scaleSet} />;
}

function Instances({ scaleSet }: { readonly scaleSet: MachineId }): JSX.Element {
  const { arm } = usePortal();
  const { id, name } = scaleSet;
  const model = usePolled(id, (signal) => getScaleSet(arm, id, signal), EVERY_MS);
  const polled = usePolled(id, (signal) => listInstances(arm, id, signal), EVERY_MS);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const operations = useOperation(() => {
    model.refresh();
    polled.refresh();
  });
  const instances = polled.value;
  const chosen = (instances ?? []).filter((one) => selected.has(one.instanceId ?? ""));
  const toolbar = <InstancesToolbar scaleSet={scaleSet} chosen={chosen} operations={operations} onRefresh={polled.refresh} />;
  return (
    <View title={`${name} - Instances`} kind="Virtual machine scale set" toolbar={toolbar}>
      <OperationStatus operations={operations} />
      {polled.error !== null && (
        <ErrorBar error={polled.error} what={`The instances of ${name} could not be read; what is shown may be out of date.`} onRetry={polled.refresh} />
      )}
      {instances === null && polled.error === null && <Spinner>Reading the instances…</Spinner>}
      {instances?.length === 0 && <EmptyState icon="scale_set" title={`${name} has no instances`} />}
      {instances !== null && instances.length > 0 && (
        <InstanceTable scaleSet={scaleSet} instances={instances} selected={selected} onSelect={setSelected} />
      )}
      <ModelNotice scaleSet={scaleSet} model={model.value} instances={instances} operations={operations} />
    </View>
  );
}
