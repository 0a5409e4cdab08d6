/** The connection of a console: connect, the WebSocket, retries, take-over. */

/** How the connection is. */
export type ConnectionState =
  | { readonly kind: "connecting"; readonly attempt: number }
  | { readonly kind: "connected"; readonly watching: boolean }
  | { readonly kind: "waiting"; readonly retryAt: number; readonly reason: string }
  | { readonly kind: "taken"; readonly reason: string }
  | { readonly kind: "ended"; readonly code: number; readonly reason: string }
  | { readonly kind: "refused"; readonly error: import("../../azure/arm").ArmError };

/** What is told of the line; see docs/azure-gateway.md, `frames=binary`. */
export type ControlMessage =
  | { readonly type: "hello"; readonly boot: string; readonly from: number; readonly baud: number }
  | { readonly type: "boot"; readonly boot: string; readonly from: number }
  | { readonly type: "current" }
  | { readonly type: "missing"; readonly bytes: number }
  | { readonly type: "typed"; readonly bytes: number }
  | { readonly type: "holder"; readonly user: string | null; readonly you: boolean; readonly watchers: number }
  | { readonly type: "note"; readonly text: string };
