/** The serial log of a machine, where `retrieveBootDiagnosticsData` says that it is. */
import { ArmError, here, type Arm } from "../../azure/arm";
import { COMPUTE_API } from "../../azure/compute";
import type { LogAnswer, LogSource } from "./log_follower";

const OFFSET = "x-uartsim-log-offset";

export class BlobSource implements LogSource {
  private address: string | null = null;

  constructor(
    private readonly arm: Arm,
    private readonly machineId: string,
    private readonly signal: AbortSignal,
  ) {}

  async read(since: number | null, etag: string): Promise<LogAnswer | "unchanged" | "other"> {
    const isNew = this.address === null;
    this.address ??= await this.find();
    const answer = await this.get(this.address, since, etag);
    if (answer.status === 304) return "unchanged";
    if (answer.status === 416) return "other";
    if (answer.ok) {
      const from = Number(answer.headers.get(OFFSET) ?? since ?? 0);
      return { from, bytes: new Uint8Array(await answer.arrayBuffer()), etag: answer.headers.get("etag") ?? "" };
    }
    const error = readBlobError(answer.status, await answer.text());
    // Nothing has been written yet.
    if (error.code === "BlobNotFound") return "unchanged";
    // The address is good for some hours only: the next reading asks for another.
    this.address = null;
    if (isNew || answer.status !== 403) throw error;
    return this.read(since, etag);
  }

  private async find(): Promise<string> {
    const path = `${this.machineId}/retrieveBootDiagnosticsData`;
    const data = await this.arm.call<{ serialConsoleLogBlobUri: string }>(path, COMPUTE_API, { method: "POST", signal: this.signal });
    return here(data.serialConsoleLogBlobUri);
  }

  private async get(address: string, since: number | null, etag: string): Promise<Response> {
    const headers: Record<string, string> = {};
    if (since !== null) headers[OFFSET] = String(since);
    if (etag !== "") headers["If-None-Match"] = etag;
    try {
      return await fetch(address, { headers, cache: "no-store", credentials: "omit", signal: this.signal });
    } catch {
      this.signal.throwIfAborted();
      throw new ArmError(0, "NoAnswer", "The service does not answer.");
    }
  }
}

/** The error of a blob's answer, which is XML, as those of Azure Storage are. */
function readBlobError(status: number, body: string): ArmError {
  const code = /<Code>([^<]*)<\/Code>/.exec(body)?.[1];
  const text = /<Message>([^<]*)<\/Message>/.exec(body)?.[1];
  const isFirewall = code === "AuthorizationFailure";
  const mitigation = isFirewall ? "The storage account has a firewall: let this computer's address through it, or use managed storage." : null;
  return new ArmError(status, code ?? "Unreadable", text ?? `The service answered with status ${status}.`, mitigation);
}
