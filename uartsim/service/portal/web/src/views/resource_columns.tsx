/** The columns of the list of all resources. */
import type { JSX } from "preact";
import { resourceHash, subscriptionHash } from "../app/route";
import { Icon } from "../ui/icon";
import type { Column } from "../ui/table";
import { KIND_NAMES } from "./machine_id";
import { type ResourceRow, type SortKey } from "./resource_list";

/**
 * @param consoleTitle the console's name, for links to it; null for none.
 */
export function resourceColumns(consoleTitle: string | null): Column<ResourceRow, SortKey | "open">[] {
  const text = (key: "os" | "group" | "location", title: string): Column<ResourceRow, SortKey> => ({
    key,
    title,
    isSortable: true,
    cell: (row) => <Words text={row[key]} />,
  });
  return [
    { key: "name", title: "Name", isRowHeader: true, isSortable: true, cell: (row) => <Name row={row} /> },
    { key: "kind", title: "Type", isSortable: true, cell: (row) => KIND_NAMES[row.kind] },
    { key: "status", title: "Status", isSortable: true, cell: (row) => <Status row={row} /> },
    text("os", "OS"),
    text("group", "Resource group"),
    text("location", "Location"),
    {
      key: "subscription",
      title: "Subscription",
      isSortable: true,
      cell: ({ subscription }) => (
        <a href={subscriptionHash(subscription.subscriptionId)}>
          <Words text={subscription.displayName} />
        </a>
      ),
    },
    { key: "open", title: "Open", cell: (row) => <Shortcut row={row} consoleTitle={consoleTitle} /> },
  ];
}

function Name({ row }: { readonly row: ResourceRow }): JSX.Element {
  return (
    <a class="all-resources-name" href={resourceHash(row.id)}>
      <Icon name={row.kind === "scaleSet" ? "scale_set" : "virtual_machine"} />
      <Words text={row.name} />
    </a>
  );
}

/** The longest word that a column makes room for, in characters. */
const LONGEST_WORD = 20;

function Words({ text }: { readonly text: string }): JSX.Element {
  const isLong = text.split(/\s/).some((word) => word.length > LONGEST_WORD);
  return <span class={isLong ? "all-resources-long" : undefined}>{text}</span>;
}

function Status({ row }: { readonly row: ResourceRow }): JSX.Element {
  const look = row.power?.failure != null ? "failed" : (row.power?.code ?? "none");
  return (
    <span class={`all-resources-status all-resources-${look}`}>
      {row.status}
      {row.power?.failure != null && <span class="all-resources-failure">{row.power.failure}</span>}
    </span>
  );
}

function Shortcut({ row, consoleTitle }: { readonly row: ResourceRow; readonly consoleTitle: string | null }): JSX.Element | null {
  if (row.kind === "scaleSet") {
    return (
      <a class="all-resources-name" href={resourceHash(row.id, "instances")} aria-label={`Instances of ${row.name}`}>
        <Icon name="list" />
        Instances
      </a>
    );
  }
  if (consoleTitle === null) return null;
  return (
    <a class="all-resources-name" href={resourceHash(row.id, "console")} aria-label={`${consoleTitle} of ${row.name}`}>
      <Icon name="console" />
      {consoleTitle}
    </a>
  );
}
