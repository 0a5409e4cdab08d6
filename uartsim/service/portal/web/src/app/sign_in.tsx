/** The form that signs a user in. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { signIn, type Session } from "../session/session";
import { MessageBar } from "../ui/message_bar";

export function SignIn({ onSignedIn }: { readonly onSignedIn: (session: Session) => void }): JSX.Element {
  const [refused, setRefused] = useState<string | null>(null);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    signIn(String(form.get("user")), String(form.get("password"))).then(onSignedIn, (error: Error) => setRefused(error.message));
  };
  return (
    <main>
      <h1>Sign in</h1>
      {refused !== null && <MessageBar kind="error">{refused}</MessageBar>}
      <form onSubmit={submit}>
        <label>
          User name <input name="user" autocomplete="username" required />
        </label>
        <label>
          Password <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <button class="button primary">Sign in</button>
      </form>
    </main>
  );
}
