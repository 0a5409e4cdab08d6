/**
 * The user who is signed in.  Tokens are in the memory of this page only: nothing is put into storage, cookies or addresses.
 * Another tab of the same page can be given them (`shared_session.ts`).
 *
 * A token is looked at when it is used, not by a timer, which a hidden tab would hold back.  A session whose renewal is refused
 * has lapsed: whoever needs a token waits until the user has signed in again, and then goes on.
 */
import type { TokenSource } from "../azure/arm";
import { SignInError, type Tokens } from "./token_endpoint";

const RENEW_BEFORE_MS = 60_000;
/** After a renewal to which no answer came, the present token serves for so long before the next attempt. */
const NEXT_ATTEMPT_MS = 5000;

interface Lapse {
  readonly reason: string;
  readonly over: Promise<void>;
  readonly end: () => void;
}

export class Session implements TokenSource {
  private lapse: Lapse | null = null;
  private renewing: Promise<void> | null = null;
  private renewAt: number;
  private readonly listeners = new Set<() => void>();

  /**
   * @param userName who has signed in.
   * @param tokens the user's tokens.
   * @param renew gets new ones for a refresh token; see `askWithRefreshToken`.
   */
  constructor(
    readonly userName: string,
    private tokens: Tokens,
    private readonly renew: (refreshToken: string) => Promise<Tokens>,
  ) {
    this.renewAt = renewalTime(tokens);
  }

  /** Why the user has to sign in again; null if there is no need. */
  get lapseReason(): string | null {
    return this.lapse?.reason ?? null;
  }

  /** What another tab can be given; null if it would be of no use there. */
  get shared(): Tokens | null {
    return this.lapse === null ? this.tokens : null;
  }

  /**
   * An access token that is good for now; waits for as long as the session has lapsed.
   *
   * @throws ArmError the token is over, and the service does not answer.
   */
  async token(): Promise<string> {
    for (;;) {
      if (this.lapse !== null) await this.lapse.over;
      else if (Date.now() < this.renewAt) return this.tokens.accessToken;
      else {
        this.renewing ??= this.tryRenewal().finally(() => (this.renewing = null));
        await this.renewing;
      }
    }
  }

  /** The service did not take this token: the next one is to be another. */
  refuse(token: string): void {
    if (token !== this.tokens.accessToken) return;
    this.tokens = { ...this.tokens, expiresAt: 0 };
    this.renewAt = 0;
  }

  /** The user has signed in again, here or in another tab. */
  resume(tokens: Tokens): void {
    this.tokens = tokens;
    this.renewAt = renewalTime(tokens);
    this.lapse?.end();
    this.lapse = null;
    this.tell();
  }

  /** Calls back when the session has lapsed or goes on; returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private async tryRenewal(): Promise<void> {
    try {
      if (this.tokens.refreshToken === null) throw new SignInError("The session has expired.");
      this.tokens = await this.renew(this.tokens.refreshToken);
      this.renewAt = renewalTime(this.tokens);
    } catch (error) {
      if (error instanceof SignInError) this.begin(error.message);
      else if (Date.now() < this.tokens.expiresAt) this.renewAt = Math.min(Date.now() + NEXT_ATTEMPT_MS, this.tokens.expiresAt);
      else throw error;
    }
  }

  private begin(reason: string): void {
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => (end = resolve));
    this.lapse = { reason, over, end };
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

/** A minute before the end; of short-lived tokens, when a fifth of their time is left. */
function renewalTime(tokens: Tokens): number {
  const left = tokens.expiresAt - Date.now();
  return tokens.expiresAt - Math.min(RENEW_BEFORE_MS, left / 5);
}
