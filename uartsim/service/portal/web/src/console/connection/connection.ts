/** How the connection of a console is, and what the gateway says on it beside the guest's output. */
import type { ArmError } from "../../azure/arm";

/** How the connection is. */
export type ConnectionState =
  /** Asking for a session, or opening its WebSocket; `attempt` counts from 1. */
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "connected"; readonly watching: boolean }
  /** What failed may succeed soon: the next attempt is at `retryAt`, in milliseconds since 1970. */
  | { readonly kind: "waiting"; readonly retryAt: number; readonly reason: string; readonly mitigation: string | null }
  /** Another user, or the same one elsewhere, has taken the console over. */
  | { readonly kind: "taken"; readonly reason: string }
  /** The gateway has closed the WebSocket for good, with this close code; or the page has, with 1000. */
  | { readonly kind: "ended"; readonly code: number; readonly reason: string }
  | { readonly kind: "refused"; readonly error: ArmError };

/** A text frame of the gateway to a client with `frames=binary`; see docs/azure-gateway.md. */
export type ControlMessage =
  /** Before the history: the boot, the offset in its output of the first byte that follows, and the line's speed. */
  | { readonly type: "hello"; readonly boot: string; readonly from: number; readonly baud: number }
  /** A new boot of the machine begins. */
  | { readonly type: "boot"; readonly boot: string; readonly from: number }
  /** The history is out: what follows is sent as the guest sends it. */
  | { readonly type: "current" }
  | { readonly type: "missing"; readonly bytes: number }
  /** How many bytes of what this WebSocket has typed the line has taken so far. */
  | { readonly type: "typed"; readonly bytes: number }
  | { readonly type: "holder"; readonly user: string | null; readonly you: boolean; readonly watchers: number }
  | { readonly type: "note"; readonly text: string };
