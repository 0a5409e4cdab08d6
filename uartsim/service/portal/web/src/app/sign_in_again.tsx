/** The dialog of a session that has lapsed: what is behind it stays as it is, and goes on. */
import type { JSX } from "preact";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { SignInForm } from "./sign_in_form";

interface SignInAgainProps {
  readonly userName: string;
  /** What the service said. */
  readonly reason: string;
  readonly onSubmit: (userName: string, password: string) => Promise<void>;
  readonly onSignOut: () => void;
}

export function SignInAgain({ userName, reason, onSubmit, onSignOut }: SignInAgainProps): JSX.Element {
  const [, text = reason] = /^(.*?)\s*(?:Trace ID:.*)?$/s.exec(reason) ?? [];
  const actions = <Button onClick={onSignOut}>Sign out</Button>;
  return (
    <Dialog title="Sign in again" actions={actions} onClose={() => undefined}>
      <p>The service no longer accepts your session. Sign in to go on where you are; nothing on the page is lost.</p>
      <p>{text}</p>
      <SignInForm userName={userName} onSubmit={onSubmit} />
    </Dialog>
  );
}
