/**
 * The user who is signed in.  Tokens are in the memory of this page only: nothing is put into storage or cookies.  Another tab
 * of the same page can be given them (`shared_session.ts`).
 */
export interface Session {
  readonly userName: string;
  /** An access token that is good for at least a minute more; it is renewed where needed. */
  token(): Promise<string>;
  /** The service did not take this token: the next one is to be another. */
  refuse(token: string): void;
}

/** The answer of the token endpoint. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** When the access token expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

const TOKEN_ENDPOINT = "/adfs/oauth2/token";
/** The OAuth client id of the page. */
export const CLIENT_ID = "uartsim-portal";
const RENEW_BEFORE_MS = 60_000;

/** A sign-in that was refused; its message is for the user. */
export class SignInError extends Error {}

/** Signs in with a name and a password. */
export async function signIn(userName: string, password: string): Promise<Session> {
  const tokens = await ask({ grant_type: "password", username: userName, password });
  return makeSession(userName, tokens);
}

/** A session of tokens that are there already. */
export function makeSession(userName: string, first: Tokens): Session {
  let tokens = first;
  let renewing: Promise<void> | null = null;
  const renew = async (refreshToken: string): Promise<void> => {
    tokens = await ask({ grant_type: "refresh_token", refresh_token: refreshToken });
  };
  return {
    userName,
    async token() {
      if (Date.now() > tokens.expiresAt - RENEW_BEFORE_MS && tokens.refreshToken !== null) {
        renewing ??= renew(tokens.refreshToken).finally(() => (renewing = null));
        await renewing;
      }
      return tokens.accessToken;
    },
    refuse(token) {
      if (token === tokens.accessToken) tokens = { ...tokens, expiresAt: 0 };
    },
  };
}

async function ask(form: Record<string, string>): Promise<Tokens> {
  const response = await fetch(TOKEN_ENDPOINT, {
    method: "POST",
    body: new URLSearchParams({ client_id: CLIENT_ID, scope: "openid offline_access", ...form }),
    cache: "no-store",
    credentials: "omit",
  });
  const body = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new SignInError(String(body["error_description"] ?? body["error"] ?? response.status));
  return {
    accessToken: String(body["access_token"]),
    refreshToken: typeof body["refresh_token"] === "string" ? body["refresh_token"] : null,
    expiresAt: Date.now() + Number(body["expires_in"]) * 1000,
  };
}
