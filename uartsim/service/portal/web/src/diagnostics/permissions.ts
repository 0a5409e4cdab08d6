/** What the caller may do at a scope (Microsoft.Authorization/permissions). */
import { literalPattern } from "../ui/literal_pattern";

export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/** Whether one of the permissions grants an action; `*` stands for anything, and case does not count. */
export function grants(permissions: readonly Permission[], action: string): boolean {
  const matches = (pattern: string): boolean => {
    return new RegExp(`^${pattern.split("*").map(literalPattern).join(".*")}$`, "i").test(action);
  };
  return permissions.some(({ actions, notActions }) => actions.some(matches) && !notActions.some(matches));
}
