/** The boot diagnostics of a machine: a picture of its display, its log, and where they are kept. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { usePolled } from "../azure/polled";
import { EmptyState } from "../ui/empty_state";
import { ErrorState } from "../ui/error_state";
import { Spinner } from "../ui/progress";
import { View } from "../ui/view";
import { readMachineId, type MachineId } from "../views/machine_id";
import { bootDiagnosticsOf, getMachine } from "../views/machine_model";
import { LogTab } from "./log_tab";
import { ScreenshotTab } from "./screenshot_tab";
import { SettingsTab } from "./settings_tab";
import { Tabs, type Tab } from "./tabs";

const EVERY_MS = 5000;
type Key = "screenshot" | "log" | "settings";
const TABS: readonly Tab<Key>[] = [
  { key: "screenshot", title: "Screenshot" },
  { key: "log", title: "Serial log" },
  { key: "settings", title: "Settings" },
];

export function DiagnosticsBlade({ machineId }: { readonly machineId: string }): JSX.Element {
  const machine = readMachineId(machineId);
  if (machine === null || machine.kind === "scaleSet") {
    return (
      <View title="Boot diagnostics">
        <EmptyState icon="help" title="A virtual machine, or an instance of a scale set, has boot diagnostics" />
      </View>
    );
  }
  return <Diagnostics machine={machine} />;
}

function Diagnostics({ machine }: { readonly machine: MachineId }): JSX.Element {
  const { arm } = usePortal();
  const [selected, setSelected] = useState<Key>("log");
  const polled = usePolled(machine.id, (signal) => getMachine(arm, machine.id, signal), EVERY_MS);
  const { value, error, refresh } = polled;
  const settings = value === null ? null : bootDiagnosticsOf(value);
  return (
    <View title={`${machine.name} - Boot diagnostics`} height={selected === "log" ? "fill" : "content"}>
      <Tabs label="Boot diagnostics" tabs={TABS} selected={selected} onSelect={setSelected}>
        {settings === null && error === null && <Spinner>Reading the settings…</Spinner>}
        {settings === null && error !== null && <ErrorState error={error} onRetry={refresh} />}
        {settings !== null && selected === "screenshot" && <ScreenshotTab machine={machine} />}
        {settings !== null && selected === "log" && <LogTab machine={machine} {...settings} />}
        {settings !== null && selected === "settings" && <SettingsTab machine={machine} settings={settings} onChanged={refresh} />}
      </Tabs>
    </View>
  );
}
