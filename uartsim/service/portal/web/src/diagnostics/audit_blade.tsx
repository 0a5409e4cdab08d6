/** Who has used the console of a machine. */
import type { JSX } from "preact";
import { EmptyState } from "../ui/empty_state";
import { View } from "../ui/view";
import { readMachineId } from "../views/machine_id";
import { AuditList } from "./audit_list";

export function AuditBlade({ machineId }: { readonly machineId: string }): JSX.Element {
  const machine = readMachineId(machineId);
  if (machine === null || machine.kind === "scaleSet") {
    return (
      <View title="Audit">
        <EmptyState icon="help" title="A virtual machine, or an instance of a scale set, has a console" />
      </View>
    );
  }
  return (
    <View title={`${machine.name} - Audit`}>
      <p>Who used the serial console of {machine.name}, and how. Passwords are not recorded.</p>
      <AuditList scope={{ machine: machineId }} name={machine.name} />
    </View>
  );
}
