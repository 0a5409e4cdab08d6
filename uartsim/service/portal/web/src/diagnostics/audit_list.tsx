/** The list of who used a console, or all consoles of a subscription: live, to be filtered and downloaded. */
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { usePortal } from "../app/context";
import { resourceHash } from "../app/route";
import { usePolled } from "../azure/polled";
import { Button } from "../ui/button";
import { EmptyState } from "../ui/empty_state";
import { Field, Select } from "../ui/field";
import { Spinner } from "../ui/progress";
import { Table, type Column } from "../ui/table";
import { ErrorBar } from "../views/error_bar";
import { readMachineId } from "../views/machine_id";
import { auditCsv, filtered, getAudit, joined, type AuditEntry, type AuditPage, type AuditScope } from "./audit_entries";
import { download, fileNameOf } from "../ui/download";
import "./audit_list.css";

const EVERY_MS = 2000;
/** So many entries are drawn; a filter finds the others. */
const SHOWN = 200;

interface AuditListProps {
  readonly scope: AuditScope;
  /** What it is about: `linux1`. */
  readonly name: string;
}

export function AuditList({ scope, name }: AuditListProps): JSX.Element {
  const { page, error, refresh } = useAudit(scope);
  return (
    <div class="audit-list">
      {error !== null && <ErrorBar error={error} what={`The audit of ${name} could not be read.`} onRetry={refresh} />}
      {page === null && error === null && <Spinner>Reading the audit…</Spinner>}
      {page !== null && <Entries page={page} name={name} hasMachines={"subscription" in scope} />}
    </div>
  );
}

function useAudit(scope: AuditScope): { page: AuditPage | null; error: ReturnType<typeof usePolled>["error"]; refresh: () => void } {
  const { arm } = usePortal();
  const known = useRef<AuditPage | null>(null);
  const { value, error, refresh } = usePolled(
    JSON.stringify(scope),
    async (signal) => {
      known.current = joined(known.current, await getAudit(arm, scope, known.current?.last ?? null, signal));
      return known.current;
    },
    EVERY_MS,
  );
  return { page: value, error, refresh };
}

const EVENTS = [
  { value: "", text: "All" },
  { value: "connected", text: "Connected" },
  { value: "admin command", text: "Admin command" },
  { value: "disconnected", text: "Disconnected" },
] as const;
type EventChoice = (typeof EVENTS)[number]["value"];

function eventText(event: string): string {
  return EVENTS.find(({ value }) => value === event)?.text ?? event;
}

function Entries({ page, name, hasMachines }: { readonly page: AuditPage; readonly name: string; readonly hasMachines: boolean }): JSX.Element {
  const [text, setText] = useState("");
  const [event, setEvent] = useState<EventChoice>("");
  const found = useMemo(() => filtered(page.value, text, event), [page, text, event]);
  const save = (): void => download(fileNameOf(name, ".audit.csv"), "text/csv", [auditCsv([...found].reverse())]);
  const count = `${found.length.toLocaleString()} of ${page.value.length.toLocaleString()} entries${found.length > SHOWN ? `; the newest ${SHOWN} are shown` : ""}`;
  return (
    <>
      <div class="audit-list-tools">
        <Field label="Filter">
          {(control) => (
            <input class="field-control" {...control} type="search" spellcheck={false} value={text} onInput={(input) => setText(input.currentTarget.value)} />
          )}
        </Field>
        <Select<EventChoice> label="Event" value={event} options={EVENTS} onChange={setEvent} />
        <Button icon="download" label="Download the entries as CSV" unavailable={found.length === 0 ? "There are no entries to download." : null} onClick={save}>
          Download CSV
        </Button>
        <p class="audit-list-count" role="status">
          {count}
        </p>
      </div>
      {found.length > 0 && <Table caption={`Audit of ${name}`} columns={columnsOf(hasMachines)} rows={found.slice(0, SHOWN)} rowKey={(one) => String(one.number)} />}
      {found.length === 0 && (
        <EmptyState icon="list" title={page.value.length === 0 ? "Nobody has used the console" : "No entry matches the filter"}>
          {page.value.length === 0 && <p>{`Nothing has happened since ${timeText(page.since)}. New entries appear here by themselves.`}</p>}
        </EmptyState>
      )}
      <p class="audit-list-note">{limitsText(page)}</p>
    </>
  );
}

function limitsText({ gone, since }: AuditPage): string {
  const missing = gone ? "Older entries are gone. " : "";
  return `${missing}The service keeps the last 10,000 entries of all machines in memory, since its start at ${timeText(since)}. While boot diagnostics are enabled, they are noted in the serial log of the machine too, which stays. What is typed at a console is not recorded; what the guest echoes is in the serial log.`;
}

function timeText(iso: string): string {
  return new Date(iso).toLocaleString();
}

function columnsOf(hasMachines: boolean): Column<AuditEntry>[] {
  const machine: Column<AuditEntry> = { key: "machine", title: "Machine", cell: machineCell };
  return [
    { key: "at", title: "Time", isRowHeader: true, cell: (one) => <time dateTime={one.at}>{timeText(one.at)}</time> },
    ...(hasMachines ? [machine] : []),
    { key: "user", title: "User", cell: (one) => one.user },
    { key: "event", title: "Event", cell: (one) => <span class="audit-list-word">{eventText(one.event)}</span> },
    { key: "detail", title: "Detail", cell: (one) => one.detail },
    { key: "session", title: "Session", cell: (one) => <code class="audit-list-session">{one.session}</code> },
  ];
}

function machineCell({ machine }: AuditEntry): JSX.Element {
  return <a href={resourceHash(machine)}>{readMachineId(machine)?.name ?? machine}</a>;
}
