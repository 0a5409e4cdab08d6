/**
 * One session for all tabs of the page: a new tab asks the others, who answer over a BroadcastChannel, which only pages of the
 * same origin hear and which keeps nothing.  Each tab renews its tokens by itself, since refresh tokens stay good when they
 * are used.  Signing out is told to all.
 *
 * A lock of the Web Locks API, held by each tab that is signed in, tells a new tab whether asking is worth while.
 */
import type { Session } from "./session";
import type { Tokens } from "./token_endpoint";

const NAME = "uartsim-portal-session";
const ANSWER_WITHIN_MS = 1000;

/** What a tab gives to others. */
export interface Offer {
  readonly userName: string;
  readonly tokens: Tokens;
}

type Message =
  | { readonly kind: "ask"; readonly from: string }
  /** `to`: the tab that asked; null to all, when the user has signed in. */
  | { readonly kind: "have"; readonly to: string | null; readonly offer: Offer }
  | { readonly kind: "signed-out" };

/** What a tab does about the others. */
interface Listener {
  /** The user has signed in in another tab, or an answer to `findSession` came late. */
  onOffer(offer: Offer): void;
  onSignedOut(): void;
}

export class SessionChannel {
  private readonly channel = new BroadcastChannel(NAME);
  private readonly me = crypto.randomUUID();
  private session: Session | null = null;
  private release: (() => void) | null = null;

  constructor(private readonly listener: Listener) {
    this.channel.onmessage = (event: MessageEvent<unknown>) => this.hear(event.data);
  }

  /** Asks the other tabs for a session, which `onOffer` gets; resolves when it has come, or is not to be expected. */
  async find(): Promise<void> {
    const { held = [] } = await navigator.locks.query();
    if (!held.some((lock) => lock.name === NAME)) return;
    const answered = new Promise<void>((resolve) => {
      // `hear` comes first: by now the answer has been taken.
      this.channel.addEventListener("message", (event: MessageEvent<unknown>) => {
        if (readMessage(event.data)?.kind === "have") resolve();
      });
      setTimeout(resolve, ANSWER_WITHIN_MS);
    });
    this.send({ kind: "ask", from: this.me });
    await answered;
  }

  /** From now on this tab gives its session to those that ask; null for none. */
  share(session: Session | null): void {
    this.session = session;
    this.release?.();
    this.release = null;
    if (session === null) return;
    const held = new Promise<void>((resolve) => (this.release = resolve));
    void navigator.locks.request(NAME, { mode: "shared" }, () => held);
  }

  /** Tells the other tabs that the user has signed in here. */
  offer(offer: Offer): void {
    this.send({ kind: "have", to: null, offer });
  }

  /** Tells the other tabs that the user has signed out. */
  signOut(): void {
    this.send({ kind: "signed-out" });
  }

  private hear(data: unknown): void {
    const message = readMessage(data);
    if (message === null) return;
    if (message.kind === "ask") {
      const tokens = this.session?.shared;
      if (this.session === null || tokens === null || tokens === undefined) return;
      this.send({ kind: "have", to: message.from, offer: { userName: this.session.userName, tokens } });
    } else if (message.kind === "signed-out") this.listener.onSignedOut();
    else if (message.to === null || message.to === this.me) this.listener.onOffer(message.offer);
  }

  private send(message: Message): void {
    this.channel.postMessage(message);
  }
}

/** A message as another tab, perhaps with another version of the page, has sent it; null if it is none. */
export function readMessage(data: unknown): Message | null {
  if (typeof data !== "object" || data === null) return null;
  const { kind, from, to, offer } = data as Record<string, unknown>;
  if (kind === "signed-out") return { kind };
  if (kind === "ask" && typeof from === "string") return { kind, from };
  if (kind === "have" && (to === null || typeof to === "string") && isOffer(offer)) return { kind, to, offer };
  return null;
}

function isOffer(value: unknown): value is Offer {
  if (typeof value !== "object" || value === null) return false;
  const { userName, tokens } = value as Record<string, unknown>;
  if (typeof userName !== "string" || typeof tokens !== "object" || tokens === null) return false;
  const { accessToken, refreshToken, expiresAt } = tokens as Record<string, unknown>;
  const isRefreshToken = refreshToken === null || typeof refreshToken === "string";
  return typeof accessToken === "string" && isRefreshToken && typeof expiresAt === "number";
}
