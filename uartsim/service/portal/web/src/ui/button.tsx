/** Buttons, and links that look like them, with accessible names that say what they do. */
import type { ComponentChildren, JSX } from "preact";
import { toast } from "./announce";
import { Icon, type IconName } from "./icon";
import "./button.css";

type Kind = "plain" | "primary" | "danger" | "quiet";

interface Look {
  readonly children?: ComponentChildren;
  /** The accessible name, where the text that is shown does not say it all: "Send a non-maskable interrupt to linux1". */
  readonly label?: string | undefined;
  readonly kind?: Kind;
  /** Before the text; a button without text needs a `label`. */
  readonly icon?: IconName;
}

interface ButtonProps extends Look {
  readonly onClick: () => void;
  readonly disabled?: boolean | undefined;
  /** Why it does not apply now; it can take the focus still, and a click tells the reason. */
  readonly unavailable?: string | null | undefined;
  /** The work that it started goes on: the button keeps its size and the focus, and takes no further click. */
  readonly busy?: boolean;
  /** For a button that opens something: whether it is open. */
  readonly expanded?: boolean | undefined;
  /** For a button that is on or off. */
  readonly pressed?: boolean | undefined;
  /** `menu` for a button that opens one. */
  readonly popup?: "menu" | undefined;
}

export function Button(props: ButtonProps): JSX.Element {
  const { onClick, label, disabled = false, unavailable = null, busy = false, expanded, pressed, popup } = props;
  const act = unavailable === null ? onClick : () => toast(unavailable);
  return (
    <button
      type="button"
      class={look(props)}
      aria-label={label}
      title={unavailable ?? label}
      aria-expanded={expanded}
      aria-pressed={pressed}
      aria-haspopup={popup}
      aria-busy={busy}
      aria-disabled={busy || unavailable !== null}
      disabled={disabled}
      onClick={busy ? undefined : act}
    >
      {content(props)}
    </button>
  );
}

/** The button that sends a form. */
export function SubmitButton({ children, busy }: { readonly children: ComponentChildren; readonly busy: boolean }): JSX.Element {
  return (
    <button class="button button-primary" aria-busy={busy} aria-disabled={busy}>
      {children}
    </button>
  );
}

interface LinkButtonProps extends Look {
  readonly href: string;
  /** A tab of its own, which gets no handle of this one. */
  readonly newTab?: boolean;
}

export function LinkButton(props: LinkButtonProps): JSX.Element {
  const elsewhere = props.newTab === true ? { target: "_blank", rel: "noopener noreferrer" } : {};
  return (
    <a class={look(props)} href={props.href} aria-label={props.label} title={props.label} {...elsewhere}>
      {content(props)}
    </a>
  );
}

function look({ kind = "plain", children }: Look): string {
  return `button button-${kind}${children === undefined ? " button-bare" : ""}`;
}

function content({ icon, children }: Look): JSX.Element {
  return (
    <>
      {icon !== undefined && <Icon name={icon} />}
      {children !== undefined && <span>{children}</span>}
    </>
  );
}
