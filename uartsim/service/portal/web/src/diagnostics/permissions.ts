/** What the caller may do at a scope (Microsoft.Authorization/permissions). */

export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
}

/** Whether one of the permissions grants an action; `*` stands for anything, and case does not count. */
export function grants(permissions: readonly Permission[], action: string): boolean {
  const matches = (pattern: string): boolean => {
    const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`, "i").test(action);
  };
  return permissions.some(({ actions, notActions }) => actions.some(matches) && !notActions.some(matches));
}
