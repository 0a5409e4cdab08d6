/** The session of this tab, as the page shows it. */
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Session } from "./session";
import { SessionChannel, type Offer } from "./shared_session";
import { askWithPassword, askWithRefreshToken, nameIn } from "./token_endpoint";

export interface SessionHandle {
  /** `looking`: other tabs are being asked. */
  readonly phase: "looking" | "signed-out" | "signed-in";
  readonly session: Session | null;
  /** Why the user has to sign in again; null if there is no need. */
  readonly lapseReason: string | null;
  /** Whether the user has signed out, here or in another tab, since the page was loaded. */
  readonly hasLeft: boolean;
  /** Signs in, or in again; throws as `askWithPassword` does. */
  readonly signIn: (userName: string, password: string) => Promise<void>;
  readonly signOut: () => void;
}

export function useSession(): SessionHandle {
  const [session, setSession] = useState<Session | null>(null);
  const [phase, setPhase] = useState<SessionHandle["phase"]>("looking");
  const [hasLeft, setLeft] = useState(false);
  const [lapseReason, setLapseReason] = useState<string | null>(null);
  const present = useRef<Session | null>(null);

  const show = useCallback((next: Session | null) => {
    present.current = next;
    setSession(next);
    setPhase(next === null ? "signed-out" : "signed-in");
    setLapseReason(next?.lapseReason ?? null);
    setLeft(next === null);
  }, []);
  const take = useCallback(({ userName, tokens }: Offer) => {
    const old = present.current;
    if (old === null) show(new Session(userName, tokens, askWithRefreshToken));
    else if (old.lapseReason !== null && old.userName === userName) old.resume(tokens);
  }, []);
  const channel = useMemo(() => new SessionChannel({ onOffer: take, onSignedOut: () => present.current !== null && show(null) }), []);

  useEffect(() => {
    void channel.find().then(() => setPhase((before) => (before === "looking" ? "signed-out" : before)));
  }, []);
  useEffect(() => {
    channel.share(session);
    return session?.subscribe(() => setLapseReason(session.lapseReason));
  }, [session]);

  const signIn = useCallback(async (userName: string, password: string) => {
    const tokens = await askWithPassword(userName, password);
    const offer = { userName: nameIn(tokens.accessToken) ?? userName, tokens };
    // A session that came from another tab in the meantime is not what the user asked for.
    if (present.current?.lapseReason === null) show(null);
    take(offer);
    channel.offer(offer);
  }, []);
  const signOut = useCallback(() => {
    show(null);
    channel.signOut();
  }, []);
  return { phase, session, lapseReason, hasLeft, signIn, signOut };
}
