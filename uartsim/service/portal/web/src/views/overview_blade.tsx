/** The overview of a virtual machine, a scale set, or an instance of one. */
import type { JSX } from "preact";
import { EmptyState } from "../ui/empty_state";
import { View } from "../ui/view";
import { readMachineId } from "./machine_id";
import { MachineOverview } from "./machine_overview";
import { ScaleSetOverview } from "./scale_set_overview";

export function OverviewBlade({ id }: { readonly id: string }): JSX.Element {
  const machine = readMachineId(id);
  if (machine?.kind === "scaleSet") return <ScaleSetOverview scaleSet={machine} />;
  if (machine !== null) return <MachineOverview machine={machine} />;
  return (
    <View title="Resource">
      <EmptyState icon="help" title="This page shows virtual machines and scale sets">
        <p>There is no page for {id}.</p>
      </EmptyState>
    </View>
  );
}
