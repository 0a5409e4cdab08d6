/** The breadcrumb of a route: the way from all resources to what is shown. */
import { parseResourceId, SCALE_SET_INSTANCE } from "../azure/resource_id";
import type { Crumb } from "../ui/breadcrumb";
import { resourceHash, type Blade, type Route } from "./route";

/**
 * @param route where the user is.
 * @param consoleTitle the console's name, which depends on the profile.
 */
export function crumbsOf(route: Route, consoleTitle: string): Crumb[] {
  const all: Crumb = { text: "All resources", href: route.view === "resources" ? null : "#/" };
  if (route.view === "resource") return [all, ...resourceCrumbs(route.id, route.blade, consoleTitle)];
  if (route.view === "subscription") return [all, { text: "Subscription", href: null }];
  return [all];
}

function resourceCrumbs(id: string, blade: Blade, consoleTitle: string): Crumb[] {
  const parsed = parseResourceId(id);
  const name: Crumb = { text: parsed?.name ?? id, href: blade === "overview" ? null : resourceHash(id) };
  const page: Crumb[] = blade === "overview" ? [] : [{ text: bladeTitle(blade, consoleTitle), href: null }];
  if (parsed?.type !== SCALE_SET_INSTANCE || parsed.parentId === null) return [name, ...page];
  const scaleSet = parseResourceId(parsed.parentId)?.name ?? parsed.parentId;
  return [
    { text: scaleSet, href: resourceHash(parsed.parentId) },
    { text: "Instances", href: resourceHash(parsed.parentId, "instances") },
    name,
    ...page,
  ];
}

function bladeTitle(blade: Exclude<Blade, "overview">, consoleTitle: string): string {
  const titles = {
    console: consoleTitle,
    diagnostics: "Boot diagnostics",
    instances: "Instances",
    audit: "Audit",
    password: "Reset password",
  };
  return titles[blade];
}
