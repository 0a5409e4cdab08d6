/** The essentials of a resource: names and values, in two columns where there is room. */
import type { ComponentChildren, JSX } from "preact";
import "./essentials.css";

export interface Essential {
  readonly name: string;
  readonly value: ComponentChildren;
}

export function Essentials({ entries }: { readonly entries: readonly Essential[] }): JSX.Element {
  return (
    <section aria-label="Essentials">
      <dl class="essentials">
        {entries.map(({ name, value }) => (
          <div key={name} class="essentials-entry">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** A value that has not come yet: it keeps its room. */
export const NOT_YET = "\u2026";

/** Tags as `name: value`. */
export function Tags({ tags }: { readonly tags: Readonly<Record<string, string>> | undefined }): JSX.Element {
  const entries = Object.entries(tags ?? {});
  if (entries.length === 0) return <>None</>;
  return (
    <ul class="essentials-tags">
      {entries.map(([name, value]) => (
        <li key={name}>
          {name}: {value}
        </li>
      ))}
    </ul>
  );
}
