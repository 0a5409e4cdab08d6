/** All resources: the machines and scale sets of all subscriptions, and the ways to their consoles. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { subscriptionHash } from "../app/route";
import { markUsable } from "../app/usable";
import { usePolled } from "../azure/polled";
import type { Subscription } from "../azure/subscriptions";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty_state";
import { ErrorState } from "../ui/error_state";
import { Field, Select, type Option } from "../ui/field";
import { MessageBar } from "../ui/message_bar";
import { Spinner } from "../ui/progress";
import { Table, type Sorting } from "../ui/table";
import { View } from "../ui/view";
import { loadResources, RefusedLists, type AllOfThem } from "./load_resources";
import { KIND_NAMES } from "./machine_id";
import { resourceColumns } from "./resource_columns";
import { filterRows, sortRows, type ResourceKind, type SortKey } from "./resource_list";
import "./all_resources.css";

const POLL_MS = 5000;

export function AllResources(): JSX.Element {
  const { arm } = usePortal();
  const [refused] = useState(() => new RefusedLists());
  const { value, error, refresh } = usePolled("all resources", (signal) => loadResources(arm, refused, signal), POLL_MS);
  return (
    <View title="All resources">
      {value === null && error === null && <Spinner>Loading resources</Spinner>}
      {value === null && error !== null && <ErrorState error={error} onRetry={refresh} />}
      {value !== null && <Resources all={value} />}
    </View>
  );
}

function Resources({ all }: { readonly all: AllOfThem }): JSX.Element {
  useEffect(markUsable, []);
  return (
    <>
      {all.failures.map(({ subscription, error }) => (
        <MessageBar key={subscription.id} kind="error">
          The resources of the subscription {subscription.displayName} could not be read: {error.message}
        </MessageBar>
      ))}
      <Subscriptions subscriptions={all.subscriptions} />
      {all.rows.length === 0 ? <NothingThere /> : <FilteredTable all={all} />}
    </>
  );
}

function Subscriptions({ subscriptions }: { readonly subscriptions: readonly Subscription[] }): JSX.Element | null {
  if (subscriptions.length === 0) return null;
  return (
    <nav class="all-resources-subscriptions" aria-label="Subscriptions">
      <span>{subscriptions.length === 1 ? "Subscription:" : "Subscriptions:"}</span>
      <ul>
        {subscriptions.map((one) => (
          <li key={one.id}>
            <a href={subscriptionHash(one.subscriptionId)}>{one.displayName}</a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function NothingThere(): JSX.Element {
  const { session } = usePortal();
  return (
    <EmptyState icon="virtual_machine" title="No resources to show">
      <p>
        There are no virtual machines or scale sets that {session.userName} may read. An owner of the subscription can assign you a role,
        such as Virtual Machine Contributor.
      </p>
    </EmptyState>
  );
}

type KindChoice = ResourceKind | "all";

const KINDS: readonly Option<KindChoice>[] = [
  { value: "all", text: "All types" },
  { value: "virtualMachine", text: KIND_NAMES.virtualMachine },
  { value: "scaleSet", text: KIND_NAMES.scaleSet },
];

function FilteredTable({ all }: { readonly all: AllOfThem }): JSX.Element {
  const { settings } = usePortal();
  const [text, setText] = useState("");
  const [kind, setKind] = useState<KindChoice>("all");
  const [sorting, setSorting] = useState<Sorting<SortKey>>({ key: "name", direction: "ascending" });
  const { rows, columns } = useMemo(
    () => ({
      rows: sortRows(filterRows(all.rows, text, kind), sorting.key, sorting.direction),
      // In the preview, only the machine's own page knows whether the console is offered.
      columns: resourceColumns(settings.profile === "preview" ? null : settings.consoleTitle),
    }),
    [all, text, kind, sorting, settings],
  );
  const sort = (key: SortKey): void =>
    setSorting((before) => ({ key, direction: before.key === key && before.direction === "ascending" ? "descending" : "ascending" }));
  const clear = (): void => {
    setText("");
    setKind("all");
  };
  return (
    <>
      <div class="all-resources-filter" role="search" aria-label="Resources">
        <Field label="Filter">
          {(control) => (
            <input class="field-control" {...control} type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          )}
        </Field>
        <Select label="Type" value={kind} options={KINDS} onChange={setKind} />
        <p class="all-resources-count" role="status">
          {countText(rows.length, all.rows.length)}
        </p>
      </div>
      {rows.length === 0 ? (
        <EmptyState icon="filter" title="No resource matches the filter" actions={<Button onClick={clear}>Clear the filter</Button>} />
      ) : (
        <div class="all-resources-table">
          <Table
            caption="Resources"
            columns={columns}
            rows={rows}
            rowKey={(row) => row.id}
            sorting={sorting}
            onSort={(key) => key !== "open" && sort(key)}
          />
        </div>
      )}
    </>
  );
}

function countText(shown: number, all: number): string {
  const number = new Intl.NumberFormat();
  const resources = all === 1 ? "resource" : "resources";
  return shown === all ? `${number.format(all)} ${resources}` : `${number.format(shown)} of ${number.format(all)} ${resources}`;
}
