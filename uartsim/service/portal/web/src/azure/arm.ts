/** Calls of the management REST, and of the page's own part of the service. */

/** What the service answers instead of what was asked for. */
export class ArmError extends Error {
  /**
   * @param status the HTTP status; 0 where no answer came.
   * @param code ARM's word for it, such as `AuthorizationFailed`.
   * @param text the text for a person.
   * @param mitigation what a person can do, or null.
   * @param rule the id of the console rule that refused, or null.
   */
  constructor(
    readonly status: number,
    readonly code: string,
    text: string,
    readonly mitigation: string | null = null,
    readonly rule: string | null = null,
  ) {
    super(text);
  }

  /** The service did not answer, or said that it is busy: the same call may succeed later. */
  get isTransient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Gives the access token of the user, renewed if it is about to expire. */
export type TokenSource = () => Promise<string>;

export interface CallOptions {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The management REST, for one user. */
export class Arm {
  constructor(private readonly token: TokenSource) {}

  /**
   * Calls an operation, and waits until it is done if it takes time.
   *
   * @param path an ARM id and the rest of the path, without the query.
   * @param apiVersion the api-version.
   * @returns the body; undefined where there is none.
   * @throws ArmError
   */
  async call<T>(path: string, apiVersion: string, options: CallOptions = {}): Promise<T> {
    const response = await this.fetch(`${encodeURI(path)}?api-version=${apiVersion}`, options);
    const operation = response.headers.get("Azure-AsyncOperation");
    if (operation !== null && response.status !== 200) {
      await this.wait(operation, options.signal);
      return undefined as T;
    }
    return (await readBody(response)) as T;
  }

  /** All entries of a list, of all its pages. */
  async list<T>(path: string, apiVersion: string, signal?: AbortSignal): Promise<T[]> {
    const found: T[] = [];
    let next: string | null = `${encodeURI(path)}?api-version=${apiVersion}`;
    while (next !== null) {
      const response = await this.fetch(next, signal === undefined ? {} : { signal });
      const page = (await response.json()) as { value: T[]; nextLink?: string };
      found.push(...page.value);
      next = page.nextLink === undefined ? null : here(page.nextLink);
    }
    return found;
  }

  /** Asks the page's own part of the service, below `/_uartsim/portal/`, or any path here; an error is thrown. */
  async fetch(path: string, options: CallOptions = {}): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${await this.token()}`, Accept: "application/json" };
    if (options.body !== undefined) headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(path, {
        method: options.method ?? "GET",
        headers,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        cache: "no-store",
        credentials: "omit",
      });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new ArmError(0, "NoAnswer", "The service does not answer.");
    }
    if (!response.ok) throw await readError(response);
    return response;
  }

  private async wait(operation: string, signal?: AbortSignal): Promise<void> {
    for (;;) {
      const response = await this.fetch(here(operation), signal === undefined ? {} : { signal });
      const body = (await response.json()) as { status: string; error?: { code: string; message: string } };
      if (body.status === "Succeeded") return;
      if (body.status === "Failed" || body.status === "Canceled") {
        throw new ArmError(409, body.error?.code ?? body.status, body.error?.message ?? `The operation ended: ${body.status}.`);
      }
      const after = Number(response.headers.get("Retry-After") ?? "1");
      await new Promise((resolve) => setTimeout(resolve, Math.min(Math.max(after, 0.2), 10) * 1000));
    }
  }
}

/** The same address at the host that the page came from: the service names itself `localhost`, whichever name it was asked by. */
export function here(address: string): string {
  const url = new URL(address, location.origin);
  return url.pathname + url.search;
}

async function readBody(response: Response): Promise<unknown> {
  const text = await response.text();
  return text === "" ? undefined : JSON.parse(text);
}

async function readError(response: Response): Promise<ArmError> {
  const rule = response.headers.get("x-uartsim-rule");
  try {
    const { error } = (await response.json()) as {
      error: { code: string; message: string; details?: { code: string; message: string }[] };
    };
    const mitigation = error.details?.find((detail) => detail.code === "Mitigation")?.message ?? null;
    return new ArmError(response.status, error.code, error.message, mitigation, rule);
  } catch {
    return new ArmError(response.status, "Unreadable", `The service answered with status ${response.status}.`, null, rule);
  }
}
