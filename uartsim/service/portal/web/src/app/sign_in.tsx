/** The page of sign-in. */
import type { JSX } from "preact";
import { MessageBar } from "../ui/message_bar";
import { View } from "../ui/view";
import { SignInForm } from "./sign_in_form";
import { markUsable } from "./usable";
import "./sign_in.css";

interface SignInProps {
  /** The domain of the tenant, once the service has told it. */
  readonly domain: string | null;
  readonly hasLeft: boolean;
  readonly onSubmit: (userName: string, password: string) => Promise<void>;
}

export function SignIn({ domain, hasLeft, onSubmit }: SignInProps): JSX.Element {
  // A name alone is one of the tenant's domain.
  const submit = (name: string, password: string): Promise<void> =>
    onSubmit(name.includes("@") || domain === null ? name : `${name}@${domain}`, password);
  return (
    <View title="Sign in" takesFocus={false}>
      <div class="sign-in">
        {hasLeft && <MessageBar kind="info">You have signed out.</MessageBar>}
        <SignInForm hint={domain === null ? "\u00a0" : `name@${domain}, or the name alone`} onSubmit={submit} onUsable={markUsable} />
      </div>
    </View>
  );
}
