/** Calls of the management REST, and of the page's own part of the service. */
import { ArmError, errorOf, readArmError } from "./arm_error";
import { pause, retryAfterMs } from "./pause";

export { ArmError } from "./arm_error";

/** Where the access tokens of the user come from. */
export interface TokenSource {
  /** A token that is good for now; it waits for as long as the user has to sign in again. */
  token(): Promise<string>;
  /** The service did not take this token, for all that its time is not over: the next one is to be another. */
  refuse(token: string): void;
}

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
  /** More of the query: `{ $expand: "instanceView" }`. */
  readonly query?: Readonly<Record<string, string>>;
  /** How long one request may take, in milliseconds; 30 s unless given. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
/** How often a request is sent again that the service had no time for. */
const BUSY_RETRIES = 3;
const SLOWEST_POLL_MS = 10_000;

/** The management REST, for one user. */
export class Arm {
  /**
   * @param source the user's tokens.
   * @param onReached is told after each request whether an answer came at all.
   */
  constructor(
    private readonly source: TokenSource,
    private readonly onReached: (reached: boolean) => void = () => undefined,
  ) {}

  /**
   * Calls an operation, and waits until it is done if it takes time.
   *
   * @param path an ARM id and the rest of the path, without the query.
   * @param apiVersion the api-version.
   * @returns the body, or the result of what took time; undefined where there is none.
   * @throws ArmError
   */
  async call<T>(path: string, apiVersion: string, options: CallOptions = {}): Promise<T> {
    const address = addressOf(path, apiVersion, options.query);
    const response = await this.fetch(address, options);
    const operation = response.headers.get("Azure-AsyncOperation");
    const location = response.headers.get("Location");
    if (operation !== null) {
      await this.untilSucceeded(operation, response, options.signal);
      if (options.method === "PUT" || options.method === "PATCH") return (await this.read(address, options.signal)) as T;
      return (location === null ? undefined : await this.read(here(location), options.signal)) as T;
    }
    if (location !== null && response.status === 202) return (await this.untilThere(location, response, options.signal)) as T;
    return (await readBody(response)) as T;
  }

  /**
   * All entries of a list, of all its pages.
   *
   * @throws ArmError
   */
  async list<T>(path: string, apiVersion: string, signal?: AbortSignal, query?: Readonly<Record<string, string>>): Promise<T[]> {
    const found: T[] = [];
    let next: string | null = addressOf(path, apiVersion, query);
    while (next !== null) {
      const page = (await this.read(next, signal)) as { value: T[]; nextLink?: string };
      found.push(...page.value);
      next = page.nextLink === undefined ? null : here(page.nextLink);
    }
    return found;
  }

  /**
   * Asks any path of the service, such as its part for the page below `/_uartsim/portal/`.
   *
   * A token that is not taken is renewed once; what the service has no time for (429) is sent again when it says.
   *
   * @throws ArmError for an answer that says so, and for none; what `options.signal` has as its reason if that is aborted.
   */
  async fetch(path: string, options: CallOptions = {}): Promise<Response> {
    let renewed = false;
    for (let busy = 0; ; ) {
      const token = await this.token();
      options.signal?.throwIfAborted();
      const response = await this.send(path, token, options);
      if (response.ok) return response;
      if (response.status === 401 && !renewed) {
        renewed = true;
        this.source.refuse(token);
      } else if (response.status === 429 && busy < BUSY_RETRIES) {
        busy += 1;
        await pause(retryAfterMs(response.headers.get("Retry-After")) ?? busy * 1000, options.signal);
      } else throw await readArmError(response);
    }
  }

  private async token(): Promise<string> {
    try {
      return await this.source.token();
    } catch (error) {
      if (error instanceof ArmError && error.status === 0) this.onReached(false);
      throw error;
    }
  }

  private async send(path: string, token: string, options: CallOptions): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}`, Accept: "application/json" };
    if (options.body !== undefined) headers["Content-Type"] = "application/json";
    const timeout = AbortSignal.timeout(options.timeoutMs ?? TIMEOUT_MS);
    try {
      const response = await fetch(path, {
        method: options.method ?? "GET",
        headers,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        signal: options.signal === undefined ? timeout : AbortSignal.any([options.signal, timeout]),
        cache: "no-store",
        credentials: "omit",
      });
      // Read here, where an answer that is cut off or too slow becomes an ArmError; a null body is all that a 204 may have.
      const body = await response.blob();
      this.onReached(true);
      return new Response(body.size === 0 ? null : body, { status: response.status, headers: response.headers });
    } catch {
      options.signal?.throwIfAborted();
      this.onReached(false);
      if (timeout.aborted) throw new ArmError(0, "Timeout", "The service did not answer in time.");
      throw new ArmError(0, "NoAnswer", "The service does not answer.");
    }
  }

  private async read(address: string, signal: AbortSignal | undefined): Promise<unknown> {
    return readBody(await this.fetch(address, { signal }));
  }

  private async untilSucceeded(operation: string, first: Response, signal: AbortSignal | undefined): Promise<void> {
    let response = first;
    for (;;) {
      await pause(pollDelayMs(response), signal);
      response = await this.fetch(here(operation), { signal });
      const body = (await readBody(response)) as { status?: string };
      if (body.status === "Succeeded") return;
      if (body.status === "Failed" || body.status === "Canceled") throw failed(body.status, body);
    }
  }

  private async untilThere(location: string, first: Response, signal: AbortSignal | undefined): Promise<unknown> {
    let response = first;
    let address = location;
    while (response.status === 202) {
      await pause(pollDelayMs(response), signal);
      response = await this.fetch(here(address), { signal });
      address = response.headers.get("Location") ?? address;
    }
    return readBody(response);
  }
}

/** The same address at the host that the page came from: the service names itself `localhost`, whichever name it was asked by. */
export function here(address: string): string {
  const url = new URL(address, location.origin);
  return url.pathname + url.search;
}

function addressOf(path: string, apiVersion: string, query: Readonly<Record<string, string>> = {}): string {
  return `${encodeURI(path)}?${new URLSearchParams({ "api-version": apiVersion, ...query })}`;
}

function pollDelayMs(response: Response): number {
  return Math.min(retryAfterMs(response.headers.get("Retry-After")) ?? 1000, SLOWEST_POLL_MS);
}

function failed(status: string, body: unknown): ArmError {
  const error = errorOf(body);
  return new ArmError(409, error?.code ?? status, error?.message ?? `The operation ended: ${status}.`, error?.mitigation ?? null);
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ArmError(response.status, "Unreadable", "The service answered with something that is not JSON.");
  }
}
