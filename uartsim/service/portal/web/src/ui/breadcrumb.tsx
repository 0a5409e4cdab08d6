/** Where the page is, from all resources on. */
import type { JSX } from "preact";
import "./breadcrumb.css";

export interface Crumb {
  readonly text: string;
  /** Null for the page itself. */
  readonly href: string | null;
}

export function Breadcrumb({ crumbs }: { readonly crumbs: readonly Crumb[] }): JSX.Element {
  return (
    <nav class="breadcrumb" aria-label="Breadcrumb">
      <ol>
        {crumbs.map((crumb, index) => (
          <li key={index}>
            {crumb.href === null ? (
              <span aria-current="page" title={crumb.text}>
                {crumb.text}
              </span>
            ) : (
              <a href={crumb.href} title={crumb.text}>
                {crumb.text}
              </a>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
