/** Reading the text frames of the gateway. */
import type { ControlMessage } from "./connection";

/** The first frame of every conversation; it says nothing. */
export const CONNECTING = "Connecting...";

/** The control message that a text frame holds; null where it holds none that this page knows. */
export function readControlMessage(text: string): ControlMessage | null {
  let fields: Record<string, unknown>;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    fields = value as Record<string, unknown>;
  } catch {
    return null;
  }
  switch (fields["type"]) {
    case "hello":
      return isText(fields["boot"]) && isCount(fields["from"])
        ? { type: "hello", boot: fields["boot"], from: fields["from"], baud: isCount(fields["baud"]) ? fields["baud"] : 115200 }
        : null;
    case "boot":
      return isText(fields["boot"]) ? { type: "boot", boot: fields["boot"], from: isCount(fields["from"]) ? fields["from"] : 0 } : null;
    case "current":
      return { type: "current" };
    case "missing":
    case "typed":
      return isCount(fields["bytes"]) ? { type: fields["type"], bytes: fields["bytes"] } : null;
    case "holder":
      return {
        type: "holder",
        user: isText(fields["user"]) ? fields["user"] : null,
        you: fields["you"] === true,
        watchers: isCount(fields["watchers"]) ? fields["watchers"] : 0,
      };
    case "note":
      return isText(fields["text"]) ? { type: "note", text: fields["text"] } : null;
    default:
      return null;
  }
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
