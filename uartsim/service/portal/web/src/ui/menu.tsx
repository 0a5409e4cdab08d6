/** A button that opens a menu of actions: what a toolbar has no room for. */
import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button";
import { Icon, type IconName } from "./icon";
import { controlsOf, moveFocus } from "./roving";
import "./menu.css";

export interface MenuItem {
  readonly text: string;
  /** The accessible name, where the text does not say it all. */
  readonly label?: string;
  readonly icon?: IconName;
  readonly disabled?: boolean;
  /** For a choice among several: whether it is the present one. */
  readonly checked?: boolean;
  readonly onSelect: () => void;
}

interface MenuProps {
  /** What the button says. */
  readonly label: string;
  /** Shown in place of the text. */
  readonly icon?: IconName;
  readonly items: readonly MenuItem[];
}

export function Menu({ label, icon, items }: MenuProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  // before the next frame, so that a key that follows the click at once is the menu's
  useLayoutEffect(() => {
    if (!isOpen) return;
    if (list.current !== null) controlsOf(list.current)[0]?.focus();
    const pressed = (event: Event): void => {
      if (event.target instanceof Node && root.current?.contains(event.target) !== true) setOpen(false);
    };
    addEventListener("pointerdown", pressed);
    return () => removeEventListener("pointerdown", pressed);
  }, [isOpen]);
  const close = (): void => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  const keyed = (event: KeyboardEvent): void => {
    if (event.key === "Escape") {
      event.stopPropagation();
      close();
    } else if (event.key === "Tab") setOpen(false);
    else if (list.current !== null) moveFocus(event, list.current, "column");
  };
  const toggle = (): void => setOpen(!isOpen);
  return (
    <div class="menu" ref={root}>
      {icon === undefined ? (
        <Button onClick={toggle} expanded={isOpen} popup="menu">
          {label}
        </Button>
      ) : (
        <Button kind="quiet" icon={icon} label={label} onClick={toggle} expanded={isOpen} popup="menu" />
      )}
      {isOpen && (
        <div class="menu-list" role="menu" aria-label={label} ref={list} onKeyDown={keyed}>
          {items.map((item) => (
            <Item key={item.text} item={item} onDone={close} />
          ))}
        </div>
      )}
    </div>
  );
}

function Item({ item, onDone }: { readonly item: MenuItem; readonly onDone: () => void }): JSX.Element {
  const select = (): void => {
    // The focus goes back first: a dialog that the item opens is to find it there.
    onDone();
    item.onSelect();
  };
  const role = item.checked === undefined ? "menuitem" : "menuitemradio";
  const { label, disabled, checked } = item;
  return (
    <button type="button" class="menu-item" role={role} tabIndex={-1} aria-label={label} aria-checked={checked} disabled={disabled} onClick={select}>
      {item.icon !== undefined && <Icon name={item.icon} />}
      {item.text}
    </button>
  );
}
