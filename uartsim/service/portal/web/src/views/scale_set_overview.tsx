/** The overview of a scale set: its model, and whether its instances have it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { resourceHash, subscriptionHash } from "../app/route";
import { osTypeOf, type ScaleSet, type VirtualMachine } from "../azure/compute";
import { usePolled } from "../azure/polled";
import { Button, LinkButton } from "../ui/button";
import { ConfirmDialog } from "../ui/confirm_dialog";
import { Toolbar } from "../ui/toolbar";
import { View } from "../ui/view";
import { ErrorBar } from "./error_bar";
import { Essentials, NOT_YET, Tags, type Essential } from "./essentials";
import { KIND_NAMES, type MachineId } from "./machine_id";
import { ResourceIdText, useSubscription } from "./machine_overview";
import { bootDiagnosticsOf, diagnosticsText, listInstances } from "./machine_model";
import { ModelNotice } from "./model_notice";
import { OperationStatus } from "./operation_status";
import { stateOf } from "./power_state";
import { getScaleSet, isAutomatic, modelOperation, upgradeOperation } from "./scale_set_model";
import { useOperation, type Operations } from "./use_operation";

const EVERY_MS = 2500;

export function ScaleSetOverview({ scaleSet }: { readonly scaleSet: MachineId }): JSX.Element {
  const { arm } = usePortal();
  const { id, name } = scaleSet;
  const model = usePolled(id, (signal) => getScaleSet(arm, id, signal), EVERY_MS);
  const instances = usePolled(id, (signal) => listInstances(arm, id, signal), EVERY_MS);
  const subscription = useSubscription(scaleSet.subscriptionId);
  const refresh = (): void => {
    model.refresh();
    instances.refresh();
  };
  const operations = useOperation(refresh);
  const error = model.error ?? instances.error;
  const toolbar = <ModelToolbar scaleSet={scaleSet} model={model.value} operations={operations} onRefresh={refresh} />;
  return (
    <View title={name} kind={KIND_NAMES.scaleSet} toolbar={toolbar}>
      <OperationStatus operations={operations} />
      <Essentials entries={essentialsOf(scaleSet, model.value, instances.value, subscription)} />
      {error !== null && <ErrorBar error={error} what={`${name} could not be read; what is shown may be out of date.`} onRetry={refresh} />}
      <ModelNotice scaleSet={scaleSet} model={model.value} instances={instances.value} operations={operations} />
    </View>
  );
}

interface ModelToolbarProps {
  readonly scaleSet: MachineId;
  readonly model: ScaleSet | null;
  readonly operations: Operations;
  readonly onRefresh: () => void;
}

function ModelToolbar({ scaleSet, model, operations, onRefresh }: ModelToolbarProps): JSX.Element {
  const { arm } = usePortal();
  const [asksDisable, setAsksDisable] = useState(false);
  const { id, name } = scaleSet;
  const isEnabled = model !== null && bootDiagnosticsOf(model).isEnabled;
  const busy = operations.running === null ? null : `${operations.running.doing}: wait until that is done.`;
  const disable = (): void => {
    setAsksDisable(false);
    operations.run(modelOperation(arm, scaleSet, false));
  };
  return (
    <>
      <Toolbar label={`Commands for ${name}`}>
        <LinkButton icon="list" kind="quiet" href={resourceHash(id, "instances")}>
          Instances
        </LinkButton>
        <Button
          icon="diagnose"
          kind="quiet"
          unavailable={busy ?? (isEnabled ? "Boot diagnostics are enabled in the model already." : null)}
          onClick={() => operations.run(modelOperation(arm, scaleSet, true))}
        >
          Enable boot diagnostics
        </Button>
        <Button
          icon="stop"
          kind="quiet"
          unavailable={busy ?? (isEnabled ? null : "Boot diagnostics are not enabled in the model.")}
          onClick={() => setAsksDisable(true)}
        >
          Disable boot diagnostics
        </Button>
        <Button icon="up" kind="quiet" unavailable={busy} onClick={() => operations.run(upgradeOperation(arm, scaleSet, "all"))}>
          Upgrade all instances
        </Button>
        <Button icon="refresh" kind="quiet" label={`Refresh ${name}`} onClick={onRefresh}>
          Refresh
        </Button>
      </Toolbar>
      {asksDisable && (
        <ConfirmDialog
          title={`Disable boot diagnostics for ${name}?`}
          confirm="Disable boot diagnostics"
          danger
          onConfirm={disable}
          onCancel={() => setAsksDisable(false)}
        >
          <p>This disables the serial console for the virtual machine scale set, once its instances are upgraded to the latest model. Consoles that are open then are closed.</p>
        </ConfirmDialog>
      )}
    </>
  );
}

function essentialsOf(scaleSet: MachineId, model: ScaleSet | null, instances: readonly VirtualMachine[] | null, subscription: string): Essential[] {
  const of = (value: (found: ScaleSet) => string): string => (model === null ? NOT_YET : value(model));
  return [
    { name: "Status", value: instances === null ? NOT_YET : statusText(instances) },
    { name: "Operating system", value: instances === null ? NOT_YET : systemText(model, instances) },
    { name: "Resource group", value: scaleSet.resourceGroup },
    { name: "Size", value: of((one) => one.sku?.name ?? "Not set") },
    { name: "Location", value: of((one) => one.location) },
    { name: "Instances", value: <a href={resourceHash(scaleSet.id, "instances")}>{of((one) => String(one.sku?.capacity ?? 0))}</a> },
    { name: "Subscription", value: <a href={subscriptionHash(scaleSet.subscriptionId)}>{subscription}</a> },
    { name: "Upgrade policy", value: of((one) => `${one.properties.upgradePolicy?.mode ?? "Manual"}${isAutomatic(one) ? ": the model reaches the instances by itself" : ""}`) },
    { name: "Boot diagnostics", value: of((one) => `${diagnosticsText(bootDiagnosticsOf(one))} (in the model)`) },
    { name: "Latest model", value: instances === null ? NOT_YET : latestText(instances) },
    { name: "Tags", value: model === null ? NOT_YET : <Tags tags={model.tags} /> },
    { name: "Resource ID", value: <ResourceIdText id={scaleSet.id} /> },
  ];
}

function statusText(instances: readonly VirtualMachine[]): string {
  const counts = new Map<string, number>();
  for (const instance of instances) {
    const { text } = stateOf(instance);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => `${count} ${text.toLowerCase()}`).join(", ") || "No instances";
}

function systemText(model: ScaleSet | null, instances: readonly VirtualMachine[]): string {
  const profile = model?.properties.virtualMachineProfile;
  const first = instances[0]?.properties;
  return osTypeOf(profile?.storageProfile, profile?.osProfile) ?? osTypeOf(first?.storageProfile, first?.osProfile) ?? "Unknown";
}

function latestText(instances: readonly VirtualMachine[]): string {
  const latest = instances.filter((one) => one.properties.latestModelApplied !== false).length;
  return `${latest} of ${instances.length} instances have it`;
}
