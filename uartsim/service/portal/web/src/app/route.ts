/**
 * Where the user is, as the part of the URL behind `#`: it never reaches the server, so no path of the page can meet one of
 * the management REST.
 *
 *     #/                                   all resources
 *     #/resource/subscriptions/.../NAME    the overview of a virtual machine, scale set, or instance of one
 *     #/resource/subscriptions/.../NAME!console        its serial console
 *     #/resource/subscriptions/.../NAME!console&watch  the same, to look only: whoever has the console keeps it
 *     #/resource/subscriptions/.../NAME!diagnostics    its boot diagnostics
 *     #/resource/subscriptions/.../NAME!instances      the instances of a scale set
 *     #/resource/subscriptions/.../NAME!password       a password in its guest is reset
 *     #/resource/subscriptions/.../NAME!audit          who has used its console
 *     #/subscription/ID                    a subscription: the serial console enabled or disabled, the audit
 */
import { useEffect, useState } from "preact/hooks";

/** What is shown of a resource. */
const BLADES = ["overview", "console", "diagnostics", "instances", "password", "audit"] as const;
export type Blade = (typeof BLADES)[number];

export type Route =
  | { readonly view: "resources" }
  | { readonly view: "subscription"; readonly subscriptionId: string }
  | { readonly view: "resource"; readonly id: string; readonly blade: Blade; readonly alone: boolean; readonly watch: boolean }
  | { readonly view: "unknown"; readonly hash: string };

/** The route that a hash such as `#/resource/...!console` names; `&alone` and `&watch`, in this order, may end it. */
export function readRoute(hash: string): Route {
  const path = hash.replace(/^#/, "");
  if (path === "" || path === "/") return { view: "resources" };
  const subscription = /^\/subscription\/([0-9A-Za-z-]{1,64})$/.exec(path);
  if (subscription?.[1] !== undefined) return { view: "subscription", subscriptionId: subscription[1] };
  const resource = /^\/resource(\/subscriptions\/[^!?#&]+?)(?:!([a-z]+))?(&alone)?(&watch)?$/.exec(path);
  const blade = resource?.[2] ?? "overview";
  const id = resource?.[1] === undefined ? null : readId(resource[1]);
  if (id !== null && isBlade(blade)) return { view: "resource", id, blade, alone: resource?.[3] !== undefined, watch: resource?.[4] !== undefined };
  return { view: "unknown", hash };
}

/** How a blade is shown. */
interface Showing {
  /** In a window of its own. */
  readonly alone?: boolean;
  /** A console is only looked at. */
  readonly watch?: boolean;
}

/** The hash of a blade of a resource, for a link. */
export function resourceHash(id: string, blade: Blade = "overview", { alone = false, watch = false }: Showing = {}): string {
  return `#/resource${encodeURI(id)}${blade === "overview" ? "" : `!${blade}`}${alone ? "&alone" : ""}${watch ? "&watch" : ""}`;
}

/** The hash of a subscription's page. */
export function subscriptionHash(subscriptionId: string): string {
  return `#/subscription/${subscriptionId}`;
}

/** An id as it is in a link; null if it is malformed, has characters that nobody sees, or would lead a request to another path by `..`. */
function readId(encoded: string): string | null {
  try {
    const id = decodeURI(encoded);
    return id.split("/").some((segment) => /^\.+$/.test(segment)) || /[\\\p{Cc}\p{Cf}]/u.test(id) ? null : id;
  } catch {
    return null;
  }
}

function isBlade(text: string): text is Blade {
  return (BLADES as readonly string[]).includes(text);
}

/** The present route; the component is drawn again when it changes. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = (): void => setHash(location.hash);
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return readRoute(hash);
}
