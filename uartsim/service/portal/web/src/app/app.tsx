/** The page: signing in first, then the view that the URL names. */
import type { ComponentChildren, JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Arm } from "../azure/arm";
import { useSession, type SessionHandle } from "../session/use_session";
import { Notices } from "../ui/announce";
import { MessageBar } from "../ui/message_bar";
import { Spinner } from "../ui/progress";
import { View } from "../ui/view";
import { PortalContext, type Settings } from "./context";
import { Header } from "./header";
import { Reachability, useReached } from "./reachability";
import { RoutedView } from "./routed_view";
import { useRoute, type Route } from "./route";
import { SignIn } from "./sign_in";
import { SignInAgain } from "./sign_in_again";
import { useSettings } from "./use_settings";
import { ViewBoundary } from "./view_boundary";
import "./app.css";

export function App(): JSX.Element {
  const route = useRoute();
  const reachability = useMemo(() => new Reachability(), []);
  const settings = useSettings(reachability);
  const user = useSession();
  const isAlone = route.view === "resource" && route.alone && user.phase !== "signed-out";
  const userName = user.session?.userName ?? null;
  return (
    <div class="app">
      <a class="app-skip" href="#main" onClick={skipToMain}>
        Skip to main content
      </a>
      {!isAlone && <Header route={route} settings={settings} userName={userName} onSignOut={user.signOut} />}
      <Outage reachability={reachability} />
      {user.phase === "signed-out" && (
        <SignIn domain={settings?.tenantDomain ?? null} hasLeft={user.hasLeft} onSubmit={user.signIn} />
      )}
      {user.phase === "signed-in" && <SignedIn user={user} route={route} settings={settings} reachability={reachability} />}
      <Notices />
    </div>
  );
}

interface SignedInProps {
  readonly user: SessionHandle;
  readonly route: Route;
  readonly settings: Settings | null;
  readonly reachability: Reachability;
}

function SignedIn({ user, route, settings, reachability }: SignedInProps): JSX.Element {
  const { session, lapseReason } = user;
  const portal = useMemo(
    () => (session === null || settings === null ? null : { session, settings, arm: new Arm(session, reachability.tell) }),
    [session, settings, reachability],
  );
  if (portal === null) return <Waiting>Waiting for the service</Waiting>;
  return (
    <PortalContext.Provider value={portal}>
      <ViewBoundary key={JSON.stringify(route)}>
        <RoutedView route={route} />
      </ViewBoundary>
      {lapseReason !== null && (
        <SignInAgain userName={portal.session.userName} reason={lapseReason} onSubmit={user.signIn} onSignOut={user.signOut} />
      )}
    </PortalContext.Provider>
  );
}

function Waiting({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return (
    <View title="Azure Serial Console">
      <Spinner>{children}</Spinner>
    </View>
  );
}

/** Shown for as long as the service does not answer. */
function Outage({ reachability }: { readonly reachability: Reachability }): JSX.Element | null {
  if (useReached(reachability)) return null;
  return (
    <div class="app-outage">
      <MessageBar kind="warning">The service does not answer. Retrying. Check that uartsim serve is running.</MessageBar>
    </div>
  );
}

/** The URL behind `#` says where the user is, so the link must not change it. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
