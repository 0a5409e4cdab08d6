/** What lies over the terminal while the console is not connected: why, what can be done, and buttons that do it. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Button } from "../../ui/button";
import { MessageBar } from "../../ui/message_bar";
import { Spinner } from "../../ui/progress";
import { CloseCode } from "../connection/close_codes";
import type { ConnectionState } from "../connection/connection";
import type { ConsoleView } from "./console_view";
import { NOT_LOGGED_OUT } from "./cautions";
import type { Mend } from "./mends";
import "./connection_overlay.css";

interface OverlayActions {
  connect(watch?: boolean): void;
  mend(mend: Mend): void;
}

interface OverlayProps {
  readonly machine: string;
  readonly view: ConsoleView;
  /** What mends the present refusal, or starts a machine that is off; null where nothing does. */
  readonly mend: Mend | null;
  readonly actions: OverlayActions;
}

export function ConnectionOverlay(props: OverlayProps): JSX.Element | null {
  const { machine, view } = props;
  if (view.mending !== null) return <Card>{<Spinner>{view.mending}…</Spinner>}</Card>;
  switch (view.connection.kind) {
    case "connected":
      return null;
    case "connecting":
      return (
        <Card>
          <Spinner>Connecting to {machine}…</Spinner>
        </Card>
      );
    default:
      return (
        <Card>
          <Message {...props} />
        </Card>
      );
  }
}

function Card({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <div class="connection-overlay">{children}</div>;
}

function Message({ view, mend, actions }: Omit<OverlayProps, "machine">): JSX.Element {
  const { connection, mendError } = view;
  const buttons = <Buttons connection={connection} mend={mend} actions={actions} />;
  return (
    <>
      <MessageBar kind={kindOf(connection)} actions={buttons}>
        <Reason connection={connection} />
      </MessageBar>
      {mendError !== null && <MessageBar kind="error">{mendError}</MessageBar>}
    </>
  );
}

function kindOf(connection: ConnectionState): "info" | "warning" | "error" {
  if (connection.kind === "refused") return "error";
  return connection.kind === "ended" && connection.code === CloseCode.NORMAL ? "info" : "warning";
}

function Reason({ connection }: { readonly connection: ConnectionState }): JSX.Element {
  switch (connection.kind) {
    case "waiting":
      return (
        <>
          <p>{connection.reason}</p>
          {connection.mitigation !== null && <p>{connection.mitigation}</p>}
          <Countdown until={connection.retryAt} />
        </>
      );
    case "taken":
      return (
        <>
          <p>{connection.reason}</p>
          <p>{NOT_LOGGED_OUT}</p>
        </>
      );
    case "refused":
      return (
        <>
          <p>{connection.error.message}</p>
          {connection.error.mitigation !== null && <p>{connection.error.mitigation}</p>}
        </>
      );
    case "ended":
      return <p>{connection.reason === "" ? "The console is disconnected." : connection.reason}</p>;
    default:
      return <></>;
  }
}

/** The seconds to the next attempt; a screen reader is not told each of them. */
function Countdown({ until }: { readonly until: number }): JSX.Element {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  return (
    <p class="connection-countdown" aria-live="off">
      Reconnecting in {Math.max(0, Math.ceil((until - now) / 1000))} s.
    </p>
  );
}

interface ButtonsProps {
  readonly connection: ConnectionState;
  readonly mend: Mend | null;
  readonly actions: OverlayActions;
}

function Buttons({ connection, mend, actions }: ButtonsProps): JSX.Element {
  const isPrimary = mend === null;
  return (
    <>
      {mend !== null && (
        <Button kind="primary" label={mend.label} onClick={() => actions.mend(mend)}>
          {mend.text}
        </Button>
      )}
      <Button kind={isPrimary ? "primary" : "plain"} onClick={() => actions.connect(connection.kind === "taken" ? false : undefined)}>
        {againText(connection)}
      </Button>
      {canBeWatched(connection) && <Button onClick={() => actions.connect(true)}>Watch</Button>}
    </>
  );
}

function againText(connection: ConnectionState): string {
  switch (connection.kind) {
    case "waiting":
      return "Reconnect now";
    case "taken":
      return "Take it back";
    case "refused":
      return "Retry";
    default:
      return "Reconnect";
  }
}

function canBeWatched(connection: ConnectionState): boolean {
  return connection.kind === "taken" || (connection.kind === "ended" && connection.code === CloseCode.IN_USE);
}
