/** The overview of a virtual machine or an instance: its power, its essentials, and where its console is. */
import type { JSX } from "preact";
import { usePortal } from "../app/context";
import { resourceHash, subscriptionHash } from "../app/route";
import type { ArmError } from "../azure/arm";
import { osTypeOf, type VirtualMachine } from "../azure/compute";
import { usePolled, type Polled } from "../azure/polled";
import { SUBSCRIPTIONS_API, type Subscription } from "../azure/subscriptions";
import { CopyButton } from "../ui/copy_button";
import { MessageBar } from "../ui/message_bar";
import { View } from "../ui/view";
import { getConsoleFacts, type ConsoleFacts } from "../azure/console_facts";
import { ErrorBar } from "./error_bar";
import { Essentials, NOT_YET, Tags, type Essential } from "./essentials";
import { KIND_NAMES, type MachineId } from "./machine_id";
import { bootDiagnosticsOf, diagnosticsText, getMachine } from "./machine_model";
import { OperationStatus } from "./operation_status";
import { stateOf } from "./power_state";
import { PowerToolbar } from "./power_toolbar";
import { useOperation } from "./use_operation";

const EVERY_MS = 2500;

export function MachineOverview({ machine }: { readonly machine: MachineId }): JSX.Element {
  const { arm } = usePortal();
  const { id, name } = machine;
  const polled = usePolled(id, (signal) => getMachine(arm, id, signal), EVERY_MS);
  const facts = usePolled(id, (signal) => getConsoleFacts(arm, id, signal), EVERY_MS);
  const subscription = useSubscription(machine.subscriptionId);
  const operations = useOperation(polled.refresh);
  const found = polled.value;
  const state = found === null ? null : stateOf(found);
  const toolbar = <PowerToolbar id={id} name={name} power={state?.code ?? "unknown"} operations={operations} onRefresh={polled.refresh} />;
  return (
    <View title={name} kind={KIND_NAMES[machine.kind]} toolbar={toolbar}>
      <OperationStatus operations={operations} />
      <Essentials entries={essentialsOf(machine, found, facts.value, subscription)} />
      <Problems machine={machine} polled={polled} failure={state?.failure ?? null} />
      <PreviewWarning isOffered={facts.value?.offered === true} />
    </View>
  );
}

function Problems({ machine, polled, failure }: { readonly machine: MachineId; readonly polled: Polled<VirtualMachine>; readonly failure: string | null }): JSX.Element {
  const diagnostics = polled.value === null ? null : bootDiagnosticsOf(polled.value);
  return (
    <>
      {polled.error !== null && <LoadError error={polled.error} name={machine.name} onRetry={polled.refresh} />}
      {failure !== null && <MessageBar kind="error">{`${machine.name} is not running: ${failure}`}</MessageBar>}
      {diagnostics?.isEnabled === false && (
        <MessageBar kind="warning">
          <p>
            Azure Serial Console requires boot diagnostics to be enabled.{" "}
            <a href={machine.scaleSetId === null ? `${resourceHash(machine.id, "diagnostics")}` : resourceHash(machine.scaleSetId)}>
              {machine.scaleSetId === null ? "Configure boot diagnostics for this virtual machine" : "Update the model of the scale set, then upgrade its instances"}
            </a>
            .
          </p>
        </MessageBar>
      )}
      {polled.value?.properties.latestModelApplied === false && machine.scaleSetId !== null && (
        <MessageBar kind="info">
          <p>
            This instance does not have the latest model of its scale set. <a href={resourceHash(machine.scaleSetId, "instances")}>Upgrade it under Instances</a>.
          </p>
        </MessageBar>
      )}
    </>
  );
}

function LoadError({ error, name, onRetry }: { readonly error: ArmError; readonly name: string; readonly onRetry: () => void }): JSX.Element {
  return <ErrorBar error={error} what={`${name} could not be read; what is shown may be out of date.`} onRetry={onRetry} />;
}

/** What the second document says at its top. */
function PreviewWarning({ isOffered }: { readonly isOffered: boolean }): JSX.Element | null {
  const { settings } = usePortal();
  if (settings.previewWarning === null || !isOffered) return null;
  return <MessageBar kind="warning">{settings.previewWarning}</MessageBar>;
}

/** The name of a subscription; its id until it is known. */
export function useSubscription(subscriptionId: string): string {
  const { arm } = usePortal();
  const path = `/subscriptions/${subscriptionId}`;
  const polled = usePolled(path, (signal) => arm.call<Subscription>(path, SUBSCRIPTIONS_API, { signal }), null);
  return polled.value?.displayName ?? subscriptionId;
}

function essentialsOf(machine: MachineId, found: VirtualMachine | null, facts: ConsoleFacts | null, subscription: string): Essential[] {
  const of = (value: (found: VirtualMachine) => string | undefined): string => (found === null ? NOT_YET : (value(found) ?? "Unknown"));
  return [
    { name: "Status", value: of((one) => stateOf(one).text) },
    { name: "Operating system", value: of(systemText) },
    { name: "Resource group", value: machine.resourceGroup },
    { name: "Size", value: of((one) => one.properties.hardwareProfile?.vmSize ?? "Not set") },
    { name: "Location", value: of((one) => one.location) },
    { name: "Guest", value: facts?.guest ?? NOT_YET },
    { name: "Subscription", value: <a href={subscriptionHash(machine.subscriptionId)}>{subscription}</a> },
    { name: "Serial line", value: lineText(facts) },
    { name: "Boot diagnostics", value: found === null ? NOT_YET : diagnosticsText(bootDiagnosticsOf(found)) },
    { name: "At the console", value: <AtTheConsole machine={machine} facts={facts} /> },
    ...scaleSetEssentials(machine, found),
    { name: "Tags", value: found === null ? NOT_YET : <Tags tags={found.tags} /> },
    { name: "Resource ID", value: <ResourceIdText id={machine.id} /> },
  ];
}

function scaleSetEssentials(machine: MachineId, found: VirtualMachine | null): Essential[] {
  if (machine.scaleSetId === null) return [];
  const latest = found?.properties.latestModelApplied;
  return [
    { name: "Scale set", value: <a href={resourceHash(machine.scaleSetId)}>{machine.name.split("/")[0]}</a> },
    { name: "Latest model", value: latest === undefined ? NOT_YET : latest ? "Yes" : "No" },
  ];
}

export function ResourceIdText({ id }: { readonly id: string }): JSX.Element {
  return (
    <span class="essentials-id">
      <code>{id}</code>
      <CopyButton text={id} what="the resource ID" />
    </span>
  );
}

function systemText(machine: VirtualMachine): string {
  const { instanceView, storageProfile, osProfile } = machine.properties;
  const type = osTypeOf(storageProfile, osProfile) ?? "Unknown";
  const version = [instanceView?.osName, instanceView?.osVersion].filter(Boolean).join(" ");
  return version === "" ? type : `${type} (${version})`;
}

function lineText(facts: ConsoleFacts | null): string {
  if (facts === null) return NOT_YET;
  if (facts.format === null) return "COM1; the machine is off";
  return facts.baud === null ? `COM1, ${facts.format}, unlimited rate` : `COM1, ${facts.baud} baud, ${facts.format}`;
}

/** Who has the console, with a way to watch without taking it over. */
function AtTheConsole({ machine, facts }: { readonly machine: MachineId; readonly facts: ConsoleFacts | null }): JSX.Element {
  return (
    <>
      {holderText(facts)}
      {facts?.offered === true && (
        <>
          {" "}
          <a href={resourceHash(machine.id, "console", { watch: true })} aria-label={`Watch the console of ${machine.name}, without taking it over`}>
            Watch
          </a>
        </>
      )}
    </>
  );
}

function holderText(facts: ConsoleFacts | null): string {
  if (facts === null) return NOT_YET;
  const { holder, watchers } = facts;
  const since = holder === null ? "" : `, since ${new Date(holder.since).toLocaleTimeString()}`;
  const watching = watchers === 0 ? "" : `; ${watchers} watching`;
  return `${holder === null ? "Nobody" : `${holder.user}${since}`}${watching}`;
}
