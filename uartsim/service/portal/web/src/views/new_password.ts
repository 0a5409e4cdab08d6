/** A password that is to be set in a guest: what is wrong with it, and how strong it is. */

/** What is typed; nothing of it is kept anywhere else. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly again: string;
}

/** What is wrong with each field; null where nothing is. */
interface Faults {
  readonly user: string | null;
  readonly password: string | null;
  readonly again: string | null;
}

/** Names that Azure's own extension refuses would fail in the guest too; only what can be no name at all is refused here. */
export function faultsOf({ user, password, again }: Credentials): Faults {
  return {
    user: user.trim() === "" ? "Type the name of a user in the guest, such as root." : /[\s:/]/.test(user.trim()) ? "A user name has no blanks, colons or slashes." : null,
    password: password === "" ? "Type a password." : /[\0-\x1f\x7f]/.test(password) ? "A password has no control characters." : null,
    again: again === password ? null : "The two passwords are not the same.",
  };
}

const KINDS = [/\p{Ll}/u, /\p{Lu}/u, /\p{N}/u, /[^\p{L}\p{N}]/u];
const SHORTEST = 12;

/**
 * What a password lacks of Azure's rule for new machines: 12 characters, of three of the four kinds.  The guest decides
 * whether it takes the password all the same.
 */
export function weaknessOf(password: string): string | null {
  const kinds = KINDS.filter((kind) => kind.test(password)).length;
  if (password === "" || ([...password].length >= SHORTEST && kinds >= 3)) return null;
  return "Azure asks for at least 12 characters, and for three of these: lower case, upper case, digit, other character. The guest may take a weaker one.";
}
