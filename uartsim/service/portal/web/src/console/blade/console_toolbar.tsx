/** The toolbar of a console; what has no room in it is in a menu at its end. */
import type { JSX } from "preact";
import { useMemo, useRef } from "preact/hooks";
import { Button } from "../../ui/button";
import { Menu, type MenuItem } from "../../ui/menu";
import { Toolbar } from "../../ui/toolbar";
import type { ToolItem } from "./tool_items";
import { useOverflow } from "./use_overflow";
import "./console_toolbar.css";

/** The width of the menu button and of Help, which are always there, in pixels. */
const RESERVED = 150;

interface ConsoleToolbarProps {
  readonly machine: string;
  readonly items: readonly ToolItem[];
  readonly help: ToolItem;
}

export function ConsoleToolbar({ machine, items, help }: ConsoleToolbarProps): JSX.Element {
  const row = useRef<HTMLDivElement>(null);
  const shown = useOverflow(row, items.length, RESERVED);
  const hidden = useMemo(() => items.slice(shown).flatMap(menuItems), [items, shown]);
  return (
    <div class="console-toolbar" ref={row}>
      <Toolbar label={`Console of ${machine}`}>
        {items.slice(0, shown).map((item) => (
          <Tool key={item.id} item={item} />
        ))}
        {hidden.length > 0 && <Menu label="More" icon="more" items={hidden} />}
        <Button kind="quiet" icon={help.icon} label={help.label} expanded={help.expanded} onClick={help.onSelect}>
          {help.text}
        </Button>
      </Toolbar>
    </div>
  );
}

function Tool({ item }: { readonly item: ToolItem }): JSX.Element {
  return (
    <span data-tool={item.id}>
      {item.menu !== undefined ? (
        <Menu label={item.label} icon={item.icon} items={item.menu} />
      ) : (
        <Button kind="quiet" icon={item.icon} label={item.label} disabled={item.disabled} pressed={item.pressed} expanded={item.expanded} onClick={item.onSelect}>
          {item.text}
        </Button>
      )}
    </span>
  );
}

function menuItems(item: ToolItem): MenuItem[] {
  if (item.menu !== undefined) {
    return item.menu.map((one) => ({ ...one, text: `${item.text ?? item.label}: ${one.text}`, label: `${item.label}: ${one.label ?? one.text}` }));
  }
  const { text, label, icon, disabled, onSelect } = item;
  return [{ text: text ?? label, label, icon, ...(disabled === undefined ? {} : { disabled }), onSelect }];
}
