/** The page: signing in first, then the view that the URL names. */
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Arm } from "../azure/arm";
import { ConsoleBlade } from "../console/blade/console_blade";
import { AuditBlade } from "../diagnostics/audit_blade";
import { DiagnosticsBlade } from "../diagnostics/diagnostics_blade";
import { SubscriptionView } from "../diagnostics/subscription_view";
import type { Session } from "../session/session";
import { AllResources } from "../views/all_resources";
import { InstancesBlade } from "../views/instances_blade";
import { OverviewBlade } from "../views/overview_blade";
import { ResetPasswordBlade } from "../views/reset_password_blade";
import { ResourceFrame } from "../views/resource_frame";
import { PortalContext, type Settings } from "./context";
import { useRoute, type Route } from "./route";
import { SignIn } from "./sign_in";

export function App(): JSX.Element {
  const route = useRoute();
  const [session, setSession] = useState<Session | null>(null);
  const [settings, setSettings] = useState<Settings | null>(null);
  useEffect(() => {
    void fetch("/_uartsim/portal/settings").then(async (answer) => setSettings((await answer.json()) as Settings));
  }, []);
  const portal = useMemo(
    () => (session === null || settings === null ? null : { session, settings, arm: new Arm(session) }),
    [session, settings],
  );
  if (portal === null) return <SignIn onSignedIn={setSession} />;
  return <PortalContext.Provider value={portal}>{view(route)}</PortalContext.Provider>;
}

function view(route: Route): JSX.Element {
  switch (route.view) {
    case "resources":
      return <AllResources />;
    case "subscription":
      return <SubscriptionView subscriptionId={route.subscriptionId} />;
    case "unknown":
      return <main>There is nothing at {route.hash}.</main>;
    case "resource":
      if (route.alone) return blade(route.id, route.blade, true);
      return (
        <ResourceFrame id={route.id} blade={route.blade}>
          {blade(route.id, route.blade, false)}
        </ResourceFrame>
      );
  }
}

function blade(id: string, name: string, alone: boolean): JSX.Element {
  switch (name) {
    case "console":
      return <ConsoleBlade key={id} machineId={id} alone={alone} />;
    case "diagnostics":
      return <DiagnosticsBlade key={id} machineId={id} />;
    case "audit":
      return <AuditBlade key={id} machineId={id} />;
    case "password":
      return <ResetPasswordBlade key={id} machineId={id} />;
    case "instances":
      return <InstancesBlade key={id} scaleSetId={id} />;
    default:
      return <OverviewBlade key={id} id={id} />;
  }
}
