/** The table of a scale set's instances. */
import type { JSX } from "preact";
import { resourceHash } from "../app/route";
import type { VirtualMachine } from "../azure/compute";
import { Table, type Column } from "../ui/table";
import type { MachineId } from "./machine_id";
import { bootDiagnosticsOf } from "./machine_model";
import { stateOf } from "./power_state";
import "./instance_table.css";

interface InstanceTableProps {
  readonly scaleSet: MachineId;
  readonly instances: readonly VirtualMachine[];
  /** The numbers of the instances that are selected. */
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}

export function InstanceTable({ scaleSet, instances, selected, onSelect }: InstanceTableProps): JSX.Element {
  const ids = instances.map((one) => one.instanceId ?? "");
  const all = ids.every((id) => selected.has(id));
  const toggle = (id: string): void => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    onSelect(next);
  };
  const columns: Column<VirtualMachine>[] = [
    {
      key: "select",
      title: "Select",
      cell: ({ instanceId = "" }) => (
        <input
          class="instance-table-check"
          type="checkbox"
          aria-label={`Select ${scaleSet.name}/${instanceId}`}
          checked={selected.has(instanceId)}
          onChange={() => toggle(instanceId)}
        />
      ),
    },
    {
      key: "name",
      title: "Name",
      isRowHeader: true,
      cell: ({ instanceId = "" }) => <a href={resourceHash(`${scaleSet.id}/virtualMachines/${instanceId}`)}>{`${scaleSet.name}/${instanceId}`}</a>,
    },
    { key: "computer", title: "Computer name", cell: (one) => one.properties.osProfile?.computerName ?? "" },
    { key: "status", title: "Status", cell: statusCell },
    { key: "latest", title: "Latest model", cell: (one) => (one.properties.latestModelApplied === false ? "No" : "Yes") },
    { key: "diagnostics", title: "Boot diagnostics", cell: (one) => (bootDiagnosticsOf(one).isEnabled ? "On" : "Off") },
  ];
  return (
    <div class="instance-table">
      <label class="field-choice">
        <input type="checkbox" checked={all} onChange={() => onSelect(new Set(all ? [] : ids))} />
        <span>Select all {instances.length} instances</span>
      </label>
      <Table caption={`Instances of ${scaleSet.name}`} columns={columns} rows={instances} rowKey={(one) => one.id} />
    </div>
  );
}

function statusCell(instance: VirtualMachine): JSX.Element {
  const { text, failure } = stateOf(instance);
  return (
    <>
      {text}
      {failure !== null && <p class="instance-table-failure">{failure}</p>}
    </>
  );
}
