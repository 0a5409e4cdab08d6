/** The audit: who used which console (docs/portal-api.md). */
import type { Arm } from "../azure/arm";

export interface AuditEntry {
  readonly number: number;
  /** ISO 8601. */
  readonly at: string;
  /** The ARM id of the machine. */
  readonly machine: string;
  readonly user: string;
  readonly session: string;
  readonly event: string;
  readonly detail: string;
}

export interface AuditPage {
  readonly value: readonly AuditEntry[];
  /** The number of the newest entry about anything. */
  readonly last: number;
  /** Whether entries are missing: the service keeps only so many, and in memory. */
  readonly gone: boolean;
  /** When the list was begun: the start of the service. */
  readonly since: string;
}

/** What the audit is about. */
export type AuditScope = { readonly machine: string } | { readonly subscription: string };

/** @param after the number of the newest entry that is known; null for all that are kept. */
export async function getAudit(arm: Arm, scope: AuditScope, after: number | null, signal: AbortSignal): Promise<AuditPage> {
  const query = new URLSearchParams({ ...scope, ...(after === null ? {} : { after: String(after) }) });
  const answer = await arm.fetch(`/_uartsim/portal/audit?${query}`, { signal });
  return (await answer.json()) as AuditPage;
}

const KEPT = 10_000;

/** What is known, with what has come since. */
export function joined(known: AuditPage | null, page: AuditPage): AuditPage {
  if (known === null) return page;
  const value = page.value.length === 0 ? known.value : [...known.value, ...page.value].slice(-KEPT);
  return { value, last: page.last, gone: known.gone || page.gone || known.value.length + page.value.length > KEPT, since: page.since };
}

/** The entries in which a text occurs, in whatever case, and whose event is the given one; the newest first. */
export function filtered(entries: readonly AuditEntry[], text: string, event: string): AuditEntry[] {
  const wanted = text.trim().toLowerCase();
  return entries
    .filter((entry) => event === "" || entry.event === event)
    .filter((entry) => wanted === "" || [entry.user, entry.detail, entry.session, entry.machine, entry.event].some((one) => one.toLowerCase().includes(wanted)))
    .reverse();
}

const COLUMNS = ["number", "at", "machine", "user", "session", "event", "detail"] as const;

/**
 * The entries as a file of comma-separated values (RFC 4180).  A value that a spreadsheet would take for a formula gets an apostrophe
 * before it.
 */
export function auditCsv(entries: readonly AuditEntry[]): string {
  const lines = entries.map((entry) => COLUMNS.map((column) => csvValue(String(entry[column]))).join(","));
  return [COLUMNS.join(","), ...lines, ""].join("\r\n");
}

function csvValue(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
