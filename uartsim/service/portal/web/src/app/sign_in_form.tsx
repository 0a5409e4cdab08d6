/** User name and password, for the page of sign-in and for the dialog of a session that has lapsed. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button, SubmitButton } from "../ui/button";
import { Field } from "../ui/field";
import { MessageBar } from "../ui/message_bar";
import "./sign_in_form.css";

interface SignInFormProps {
  /** Given if it cannot be another: the session's user. */
  readonly userName?: string;
  readonly hint?: string;
  /** Signs in; what it throws is shown. */
  readonly onSubmit: (userName: string, password: string) => Promise<void>;
  readonly onUsable?: () => void;
}

export function SignInForm({ userName, hint, onSubmit, onUsable }: SignInFormProps): JSX.Element {
  const form = useRef<HTMLFormElement>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  // Beside the state, which a second submit of the same moment would not see yet.
  const isSent = useRef(false);
  useEffect(() => {
    focusOn(form.current, userName === undefined ? "user" : "password");
    onUsable?.();
  }, []);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (isSent.current || form.current === null) return;
    const values = new FormData(form.current);
    isSent.current = true;
    setBusy(true);
    setRefusal(null);
    onSubmit(userName ?? String(values.get("user")).trim(), String(values.get("password"))).catch((error: Error) => {
      isSent.current = false;
      setBusy(false);
      setRefusal(error.message);
      focusOn(form.current, "password");
    });
  };
  return (
    <form class="sign-in-form" ref={form} onSubmit={submit} aria-busy={isBusy}>
      <Field label="User name" hint={hint}>
        {(control) => (
          <input class="field-control" {...control} name="user" value={userName} readOnly={userName !== undefined} {...NAME_INPUT} />
        )}
      </Field>
      <PasswordField />
      <SubmitButton busy={isBusy}>Sign in</SubmitButton>
      {refusal !== null && <Refusal text={refusal} />}
    </form>
  );
}

const NAME_INPUT = { autocomplete: "username", autocapitalize: "none", spellcheck: false, required: true } as const;

function PasswordField(): JSX.Element {
  const [isShown, setShown] = useState(false);
  const [hasCapsLock, setCapsLock] = useState(false);
  const look = (event: KeyboardEvent): void => setCapsLock(event.getModifierState("CapsLock"));
  const hint = <span role="status">{hasCapsLock ? "Caps Lock is on." : "\u00a0"}</span>;
  return (
    <Field label="Password" hint={hint}>
      {(control) => (
        <div class="sign-in-password">
          <input
            class="field-control"
            {...control}
            name="password"
            type={isShown ? "text" : "password"}
            autocomplete="current-password"
            autocapitalize="none"
            spellcheck={false}
            required
            onKeyDown={look}
            onKeyUp={look}
          />
          <Button icon="eye" label="Show password" pressed={isShown} onClick={() => setShown(!isShown)} />
        </div>
      )}
    </Field>
  );
}

/** Entra ID puts numbers for its support at the end of a message. */
function Refusal({ text }: { readonly text: string }): JSX.Element {
  const [, message = text, trace] = /^(.*?)\s*(Trace ID:.*)?$/s.exec(text) ?? [];
  return (
    <MessageBar kind="error">
      <p>{message}</p>
      {trace !== undefined && <p class="sign-in-trace">{trace}</p>}
    </MessageBar>
  );
}

function focusOn(form: HTMLFormElement | null, name: "user" | "password"): void {
  const input = form?.elements.namedItem(name);
  if (!(input instanceof HTMLInputElement)) return;
  input.focus();
  if (!input.readOnly) input.select();
}
