/** The view that a route names. */
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { AuditBlade } from "../diagnostics/audit_blade";
import { DiagnosticsBlade } from "../diagnostics/diagnostics_blade";
import { SubscriptionView } from "../diagnostics/subscription_view";
import { LinkButton } from "../ui/button";
import { EmptyState } from "../ui/empty_state";
import { View } from "../ui/view";
import { AllResources } from "../views/all_resources";
import { InstancesBlade } from "../views/instances_blade";
import { OverviewBlade } from "../views/overview_blade";
import { ResetPasswordBlade } from "../views/reset_password_blade";
import { ResourceFrame } from "../views/resource_frame";
import { lazyView } from "./lazy_view";
import type { Route } from "./route";

const loadConsole = async () => (await import("../console/blade/console_blade")).ConsoleBlade;
const ConsoleBlade = lazyView(loadConsole, "Serial console");

export function RoutedView({ route }: { readonly route: Route }): JSX.Element {
  useEffect(() => {
    // While the user looks for a machine: its console is to open at once.
    const handle = requestIdleCallback(() => void loadConsole().catch(() => undefined), { timeout: 5000 });
    return () => cancelIdleCallback(handle);
  }, []);
  switch (route.view) {
    case "resources":
      return <AllResources />;
    case "subscription":
      return <SubscriptionView key={route.subscriptionId} subscriptionId={route.subscriptionId} />;
    case "unknown":
      return <UnknownView key={route.hash} hash={route.hash} />;
    case "resource":
      if (route.alone) return <ResourceView {...route} />;
      return (
        <ResourceFrame id={route.id} blade={route.blade}>
          <ResourceView {...route} />
        </ResourceFrame>
      );
  }
}

function ResourceView({ id, blade, alone, watch }: Extract<Route, { readonly view: "resource" }>): JSX.Element {
  switch (blade) {
    case "console":
      return <ConsoleBlade key={`${id}${watch ? "&watch" : ""}`} machineId={id} alone={alone} watch={watch} />;
    case "diagnostics":
      return <DiagnosticsBlade key={id} machineId={id} />;
    case "audit":
      return <AuditBlade key={id} machineId={id} />;
    case "password":
      return <ResetPasswordBlade key={id} machineId={id} />;
    case "instances":
      return <InstancesBlade key={id} scaleSetId={id} />;
    case "overview":
      return <OverviewBlade key={id} id={id} />;
  }
}

function UnknownView({ hash }: { readonly hash: string }): JSX.Element {
  return (
    <View title="Page not found">
      <EmptyState icon="search" title="There is no such page" actions={<LinkButton href="#/">All resources</LinkButton>}>
        <p>
          Nothing is at <code>{hash}</code>. The link may be incomplete.
        </p>
      </EmptyState>
    </View>
  );
}
