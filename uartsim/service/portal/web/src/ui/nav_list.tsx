/** Links between the pages of one thing: the blades of a machine. */
import type { JSX } from "preact";
import { Icon, type IconName } from "./icon";
import "./nav_list.css";

export interface NavEntry {
  readonly text: string;
  readonly href: string;
  readonly icon: IconName;
  /** The page that is open. */
  readonly isCurrent: boolean;
}

export interface NavGroup {
  /** A heading above the entries: "Support + troubleshooting"; null for none. */
  readonly title: string | null;
  readonly entries: readonly NavEntry[];
}

export function NavList({ label, groups }: { readonly label: string; readonly groups: readonly NavGroup[] }): JSX.Element {
  return (
    <nav class="nav-list" aria-label={label}>
      {groups.map((group) => (
        <div key={group.title ?? ""} class="nav-list-group">
          {group.title !== null && <h2>{group.title}</h2>}
          <ul>
            {group.entries.map((entry) => (
              <li key={entry.href}>
                <a href={entry.href} aria-current={entry.isCurrent ? "page" : undefined}>
                  <Icon name={entry.icon} />
                  {entry.text}
                </a>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}
