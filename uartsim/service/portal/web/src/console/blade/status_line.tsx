/** The line below the terminal: the machine, its line, the connection, and who has it. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { announce } from "../../ui/announce";
import type { ConnectionState } from "../connection/connection";
import type { ConsoleFacts } from "../../azure/console_facts";
import type { ConsoleView } from "./console_view";
import { holderText, lineText, watchersText } from "./status_texts";
import "./status_line.css";

interface StatusLineProps {
  readonly machine: string;
  readonly view: ConsoleView;
  readonly status: ConsoleFacts | null;
}

export function StatusLine({ machine, view, status }: StatusLineProps): JSX.Element {
  const connection = connectionText(view.connection);
  const holder = holderText(view, status);
  useAnnounced(`${machine}: ${connection}`);
  useAnnounced(holder);
  return (
    <dl class="status-line" aria-label="Status of the console">
      <Part name="Machine" value={machine} />
      <Part name="Line" value={lineText(view, status)} />
      <Part name="Connection" value={connection} state={view.connection.kind} />
      <Part name="Held by" value={holder} />
      <Part name="Watchers" value={watchersText(view, status)} />
      <Part name="Size" value={`${view.columns} × ${view.rows}`} />
    </dl>
  );
}

function Part({ name, value, state }: { readonly name: string; readonly value: string; readonly state?: string }): JSX.Element {
  return (
    <div class={state === undefined ? "status-part" : `status-part status-${state}`}>
      <dt class="visually-hidden">{name}</dt>
      <dd title={value}>{value}</dd>
    </div>
  );
}

/** Reads a text to a screen reader when it changes. */
function useAnnounced(text: string): void {
  const before = useRef(text);
  useEffect(() => {
    if (before.current !== text && text !== "") announce(text);
    before.current = text;
  }, [text]);
}

function connectionText(connection: ConnectionState): string {
  switch (connection.kind) {
    case "connecting":
      return "Connecting";
    case "connected":
      return connection.watching ? "Watching only" : "Connected";
    case "waiting":
      return "Disconnected, connecting again soon";
    case "taken":
      return "Taken over by another user";
    case "ended":
      return "Disconnected";
    case "refused":
      return "Refused";
  }
}
