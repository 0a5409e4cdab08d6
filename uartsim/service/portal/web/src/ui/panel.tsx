/** A panel at the side of a view: help, details. It does not take the page away as a dialog does. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Button } from "./button";
import "./panel.css";

interface PanelProps {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly onClose: () => void;
}

/** The focus goes to its heading when it opens; Esc in it closes it, and the focus returns. */
export function Panel({ title, children, onClose }: PanelProps): JSX.Element {
  const id = useId();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    heading.current?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  const keyed = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !event.defaultPrevented) onClose();
  };
  return (
    <aside class="panel" aria-labelledby={id} onKeyDown={keyed}>
      <div class="panel-head">
        <h2 id={id} ref={heading} tabIndex={-1}>
          {title}
        </h2>
        <Button kind="quiet" icon="close" label={`Close ${title}`} onClick={onClose} />
      </div>
      <div class="panel-body">{children}</div>
    </aside>
  );
}
