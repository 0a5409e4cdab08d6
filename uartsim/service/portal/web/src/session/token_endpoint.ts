/** The service's token endpoint: tokens for a password (RFC 6749, section 4.3), or for a refresh token (section 6). */
import { ArmError } from "../azure/arm_error";

/** The answer of the token endpoint. */
export interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** When the access token expires, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What the service says no to: a wrong password, a user who is gone. Its message is for the user. */
export class SignInError extends Error {}

const TOKEN_ENDPOINT = "/adfs/oauth2/token";
const CLIENT_ID = "uartsim-portal";
const TIMEOUT_MS = 30_000;

/**
 * Tokens for a name and a password.
 *
 * @throws SignInError the service refuses; ArmError it does not answer, or cannot now.
 */
export function askWithPassword(userName: string, password: string): Promise<Tokens> {
  return ask({ grant_type: "password", username: userName, password });
}

/** New tokens for a refresh token, which stays good itself; throws as `askWithPassword` does. */
export function askWithRefreshToken(refreshToken: string): Promise<Tokens> {
  return ask({ grant_type: "refresh_token", refresh_token: refreshToken });
}

/** The name of the user that an access token (a JSON Web Token) is for, as the service writes it; null if it does not say. */
export function nameIn(accessToken: string): string | null {
  try {
    const payload = (accessToken.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    return typeof claims["upn"] === "string" ? claims["upn"] : null;
  } catch {
    return null;
  }
}

async function ask(form: Record<string, string>): Promise<Tokens> {
  const response = await post(new URLSearchParams({ client_id: CLIENT_ID, scope: "openid offline_access", ...form }));
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>;
  if (response.status === 400 || response.status === 401) {
    throw new SignInError(String(body["error_description"] ?? body["error"] ?? `The service refused with status ${response.status}.`));
  }
  if (!response.ok || typeof body["access_token"] !== "string") {
    throw new ArmError(response.status, "NoToken", `The service could not sign you in now: it answered with status ${response.status}.`);
  }
  return {
    accessToken: body["access_token"],
    refreshToken: typeof body["refresh_token"] === "string" ? body["refresh_token"] : null,
    expiresAt: Date.now() + Number(body["expires_in"]) * 1000,
  };
}

async function post(body: URLSearchParams): Promise<Response> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(TOKEN_ENDPOINT, { method: "POST", body, signal, cache: "no-store", credentials: "omit" });
  } catch {
    throw new ArmError(0, "NoAnswer", "The service does not answer. Check that uartsim serve runs, and try again.");
  }
}
