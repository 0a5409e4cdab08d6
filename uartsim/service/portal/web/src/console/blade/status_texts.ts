/** What the status line says of the machine's console: nothing where it is not known at present. */
import type { ConsoleFacts } from "../../azure/console_facts";
import type { ConsoleView } from "./console_view";

type Shown = Pick<ConsoleView, "connection" | "holder" | "baud">;

/**
 * Who has the console.
 *
 * @param status what the service says at present; null if it says nothing.
 */
export function holderText(view: Shown, status: ConsoleFacts | null): string {
  const holder = presentHolder(view);
  if (holder?.you === true) return "You have the console";
  if (holder === null && status === null) return "";
  const user = holder === null ? (status?.holder?.user ?? null) : holder.user;
  return user === null ? "Nobody has the console" : `${user} has the console`;
}

export function watchersText(view: Shown, status: ConsoleFacts | null): string {
  const count = presentHolder(view)?.watchers ?? status?.watchers;
  if (count === undefined) return "";
  return count === 1 ? "1 watcher" : `${count} watchers`;
}

/** Such as `115200 8N1`; what is not known is left out. */
export function lineText(view: Shown, status: ConsoleFacts | null): string {
  const isConnected = view.connection.kind === "connected";
  const format = status?.format ?? "";
  if (!isConnected && format === "") return "";
  const baud = isConnected ? view.baud : (status?.baud ?? 0);
  return `${baud === 0 ? "unlimited speed" : baud} ${format}`.trim();
}

/** What the gateway has said of the holder holds only as long as the connection. */
function presentHolder({ connection, holder }: Shown): ConsoleView["holder"] {
  return connection.kind === "connected" ? holder : null;
}
