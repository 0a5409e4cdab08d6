/** What the close of a WebSocket means for the page; see docs/azure-gateway.md, "Close codes". */

/** The codes that the gateway has of its own, and those of RFC 6455 that the page looks at. */
export const CloseCode = {
  NORMAL: 1000,
  MACHINE_OFF: 4000,
  TAKEN_OVER: 4001,
  CONDITION: 4003,
  TOKEN_EXPIRED: 4004,
  IDLE: 4008,
  IN_USE: 4009,
} as const;

/** What to do after a close. */
type AfterClose =
  /** Connect again after a pause: it may work soon. */
  | "retry"
  /** Connect again at once: `connect` says what is the matter. */
  | "ask"
  /** Connect again at once, with a new token, and say nothing. */
  | "renew"
  /** Another user has the console now. */
  | "taken"
  /** Nothing, until the user wants it. */
  | "end";

/** What to do after a close with this code: 1001, 1006, 1011 and whatever is unknown may be over soon. */
export function afterClose(code: number): AfterClose {
  switch (code) {
    case CloseCode.TAKEN_OVER:
      return "taken";
    case CloseCode.CONDITION:
      return "ask";
    case CloseCode.TOKEN_EXPIRED:
      return "renew";
    case CloseCode.MACHINE_OFF:
    case CloseCode.IDLE:
    case CloseCode.IN_USE:
    case 1002:
    case 1007:
    case 1009:
      return "end";
    default:
      return "retry";
  }
}

/** The documents' words for a WebSocket that closes without a reason, and what they advise. */
export const SOCKET_CLOSED = "Web socket is closed or could not be opened.";
export const SOCKET_MITIGATION =
  "Check that the service runs and that nothing between the browser and it blocks WebSockets. With Azure, you may need to allow *.console.azure.com.";

/** The text for a person of a close. */
export function closeReason(code: number, reason: string): string {
  if (reason !== "") return reason;
  return code === 1001 ? "The service is stopping." : SOCKET_CLOSED;
}
