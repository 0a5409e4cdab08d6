/** The addresses of a console's session, at the host that the page came from. */

/** Where a resumed console goes on: the boot, and the offset in its output of the next byte. */
export interface Position {
  readonly boot: string;
  readonly from: number;
}

/**
 * The WebSocket of a session.
 *
 * @param connectionString what `connect` answered: `wss://HOST/n/connector/C/sessions/UUID/client`.
 * @param host the host and port of the page: the service names itself `localhost`, whichever name it was asked by.
 * @param watch only read, and leave the console to whoever has it.
 * @param position where the history is to begin; null for all that is kept.
 */
export function socketAddress(connectionString: string, host: string, watch: boolean, position: Position | null): string {
  const url = new URL(`wss://${host}${new URL(connectionString).pathname}`);
  url.searchParams.set("frames", "binary");
  url.searchParams.set("paste", "flow");
  if (watch) url.searchParams.set("watch", "1");
  if (position !== null) {
    url.searchParams.set("boot", position.boot);
    url.searchParams.set("from", String(position.from));
  }
  return url.href;
}

/** What can be done to the machine of a session, beside typing at it. */
export type AdminCommand = "nmi" | "reset" | "sysrq";

/** The path of an admin command of a session. */
export function adminCommandPath(connectionString: string, command: AdminCommand): string {
  return new URL(connectionString).pathname.replace(/\/client\/?$/, `/adminCommand/${command}`);
}
