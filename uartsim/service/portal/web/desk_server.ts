// `npm run dev`: the page at the desk, built as it is edited, in front of a `uartsim serve` that runs.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ServerOptions } from "vite";

/**
 * Vite's own server, over HTTPS with the service's certificate: all that is not the page goes on to the service, WebSockets
 * too, as if it came from the service's own page.
 *
 * @throws Error if no service runs with the state folder, `$UARTSIM_SERVE_STATE` or the usual place.
 */
export function deskServer(): ServerOptions {
  const folder = stateFolder();
  const target = serviceUrl(folder);
  const certificate = readFileSync(join(folder, "server.pem"));
  return {
    host: "localhost",
    https: { cert: certificate, key: certificate },
    proxy: {
      "^/(?!portal/).+": { target, secure: false, changeOrigin: true, ws: true, headers: { origin: target } },
    },
  };
}

/** The folder for the state of `uartsim serve`. */
function stateFolder(): string {
  const states = process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return process.env["UARTSIM_SERVE_STATE"] || join(states, "uartsim", "service");
}

/** Where the service is, as its `connection.toml` says while it runs. */
function serviceUrl(folder: string): string {
  const note = join(folder, "connection.toml");
  try {
    const url = /^url = "(https:.*)"$/m.exec(readFileSync(note, "utf8"))?.[1];
    if (url !== undefined) return url;
  } catch {
    // Said below.
  }
  throw new Error(`${note} names no service: start 'uartsim serve', or set UARTSIM_SERVE_STATE to its state folder.`);
}
