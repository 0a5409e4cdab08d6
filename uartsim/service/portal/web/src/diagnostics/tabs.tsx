/** Tabs (ARIA Authoring Practices, "Tabs with automatic activation"). */
import type { ComponentChildren, JSX } from "preact";
import { useId, useRef } from "preact/hooks";
import { nextIndex } from "../ui/roving";
import "./tabs.css";

export interface Tab<Key extends string> {
  readonly key: Key;
  readonly title: string;
}

interface TabsProps<Key extends string> {
  readonly label: string;
  readonly tabs: readonly Tab<Key>[];
  readonly selected: Key;
  readonly onSelect: (key: Key) => void;
  /** What the selected tab shows. */
  readonly children: ComponentChildren;
}

export function Tabs<Key extends string>({ label, tabs, selected, onSelect, children }: TabsProps<Key>): JSX.Element {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const keyed = (event: KeyboardEvent): void => {
    const present = tabs.findIndex((tab) => tab.key === selected);
    const tab = tabs[nextIndex(event.key, present, tabs.length, "row") ?? -1];
    if (tab === undefined) return;
    event.preventDefault();
    onSelect(tab.key);
    list.current?.querySelectorAll("button")[tabs.indexOf(tab)]?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} ref={list} onKeyDown={keyed}>
        {tabs.map((tab) => (
          <button
            key={tab.key}
            type="button"
            class="tabs-tab"
            role="tab"
            id={`${id}-${tab.key}`}
            aria-controls={`${id}-panel`}
            aria-selected={tab.key === selected}
            tabIndex={tab.key === selected ? 0 : -1}
            onClick={() => onSelect(tab.key)}
          >
            {tab.title}
          </button>
        ))}
      </div>
      <div class="tabs-panel" role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${selected}`}>
        {children}
      </div>
    </>
  );
}
