/** A blade of a resource, beside the list of all of them, whose sections are those of the Azure portal. */
import type { ComponentChildren, JSX } from "preact";
import { usePortal, type Settings } from "../app/context";
import { resourceHash, type Blade } from "../app/route";
import { usePolled } from "../azure/polled";
import { NavList, type NavEntry, type NavGroup } from "../ui/nav_list";
import { getConsoleFacts } from "../azure/console_facts";
import { readMachineId, type MachineId } from "./machine_id";
import "./resource_frame.css";

interface ResourceFrameProps {
  readonly id: string;
  readonly blade: Blade;
  readonly children: ComponentChildren;
}

export function ResourceFrame({ id, blade, children }: ResourceFrameProps): JSX.Element {
  const machine = readMachineId(id);
  if (machine === null) return <>{children}</>;
  return (
    <div class="resource-frame">
      <Navigation machine={machine} blade={blade} />
      {children}
    </div>
  );
}

function Navigation({ machine, blade }: { readonly machine: MachineId; readonly blade: Blade }): JSX.Element {
  const { settings } = usePortal();
  const isOffered = useIsConsoleOffered(machine, settings);
  return <NavList label={machine.name} groups={groups(machine, blade, isOffered ? settings.consoleTitle : null)} />;
}

/** In the preview, only white-listed subscriptions see the console, and only at virtual machines. */
function useIsConsoleOffered(machine: MachineId, settings: Settings): boolean {
  const { arm } = usePortal();
  const asks = machine.kind !== "scaleSet" && settings.profile === "preview";
  const facts = usePolled(`offered ${asks} ${machine.id}`, async (signal) => (asks ? getConsoleFacts(arm, machine.id, signal) : null), null);
  // Where the question is refused, the console is shown, and says itself why it cannot be had.
  return asks ? (facts.value?.offered ?? facts.error !== null) : machine.kind !== "scaleSet";
}

function groups(machine: MachineId, blade: Blade, consoleTitle: string | null): NavGroup[] {
  const entry = (name: Blade, text: string, icon: NavEntry["icon"]): NavEntry => ({
    text,
    icon,
    href: resourceHash(machine.id, name),
    isCurrent: blade === name,
  });
  const overview = entry("overview", "Overview", machine.kind === "scaleSet" ? "scale_set" : "virtual_machine");
  if (machine.kind === "scaleSet") return [{ title: null, entries: [overview, entry("instances", "Instances", "list")] }];
  return [
    { title: null, entries: [overview] },
    {
      title: "Support + troubleshooting",
      entries: [
        entry("diagnostics", "Boot diagnostics", "diagnose"),
        entry("password", "Reset password", "password"),
        entry("audit", "Audit", "user"),
        ...(consoleTitle === null ? [] : [entry("console", consoleTitle, "console")]),
      ],
    },
  ];
}
