/** What every view needs: the management REST as the user who is signed in, and what the service says of itself. */
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Arm } from "../azure/arm";
import type { Session } from "../session/session";

/** `GET /_uartsim/portal/settings`: what a page may know before anybody has signed in. */
export interface Settings {
  readonly profile: "default" | "preview";
  /** The name of the console: `Serial console`, in the preview `Serial Console (Preview)`. */
  readonly consoleTitle: string;
  readonly pasteLimit: number;
  readonly tenantDomain: string;
  /** Null in a checkout that is not installed. */
  readonly version: string | null;
  /** In the preview, the warning that the console is for development and tests only; else null. */
  readonly previewWarning: string | null;
}

interface Portal {
  readonly arm: Arm;
  readonly session: Session;
  readonly settings: Settings;
}

export const PortalContext = createContext<Portal | null>(null);

/** What every view needs. */
export function usePortal(): Portal {
  const portal = useContext(PortalContext);
  if (portal === null) throw new Error("used outside of the portal");
  return portal;
}
