/** A modal dialog: the browser's own element keeps the focus in it, closes it with Esc, and gives the focus back. */
import type { ComponentChildren, JSX } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import "./dialog.css";

interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** The buttons at its foot. */
  readonly actions: ComponentChildren;
  /** Esc was pressed; the buttons at its foot call what they like. */
  readonly onClose: () => void;
  /** `wide` for a dialog with much text. */
  readonly width?: "plain" | "wide";
}

/**
 * Shown for as long as it is part of the page.  The focus starts at the element with `data-initial-focus`, else at the first
 * control, and returns to where it was, if that is still there.
 */
export function Dialog({ title, children, actions, onClose, width = "plain" }: DialogProps): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Before the effects of what is in it, which may choose where the focus starts.
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-initial-focus]")?.focus();
    return () => {
      // While the dialog is there, nothing beside it can take the focus: its element is removed right after this.
      queueMicrotask(() => {
        if (before instanceof HTMLElement && before.isConnected) before.focus();
      });
    };
  }, []);
  const cancelled = (event: Event): void => {
    // What shows the dialog decides whether it goes; a `close` event would come from the element itself.
    event.preventDefault();
    onClose();
  };
  const closed = (): void => {
    onClose();
    // Chromium closes at the second Esc whatever the page says: what is still part of the page is shown again.
    setTimeout(() => {
      if (element.current?.open === false) element.current.showModal();
    });
  };
  return (
    <dialog ref={element} class={`dialog dialog-${width}`} aria-labelledby={heading} onCancel={cancelled} onClose={closed}>
      <h2 id={heading}>{title}</h2>
      <div class="dialog-body">{children}</div>
      <div class="dialog-actions">{actions}</div>
    </dialog>
  );
}
