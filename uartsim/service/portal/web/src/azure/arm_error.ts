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
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** The error of an answer whose status says that there is one. */
export async function readArmError(response: Response): Promise<ArmError> {
  const rule = response.headers.get("x-uartsim-rule");
  const error = errorOf(await response.json().catch(() => null));
  if (error === null) {
    return new ArmError(response.status, "Unreadable", `The service answered with status ${response.status}.`, null, rule);
  }
  return new ArmError(response.status, error.code, error.message, error.mitigation, rule);
}

interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly mitigation: string | null;
}

/** The `error` of a body of ARM, of which nothing is taken for granted; null if there is none. */
export function errorOf(body: unknown): ErrorBody | null {
  const error = member(body, "error");
  const code = member(error, "code");
  const message = member(error, "message");
  if (typeof code !== "string" || typeof message !== "string") return null;
  const details = member(error, "details");
  const found: unknown = Array.isArray(details) ? details.find((detail) => member(detail, "code") === "Mitigation") : null;
  const mitigation = member(found, "message");
  return { code, message, mitigation: typeof mitigation === "string" ? mitigation : null };
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
