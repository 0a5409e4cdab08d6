/** The cautions of both documents, where they matter. */

/** The output is logged. */
export const OUTPUT_IS_LOGGED =
  "What the machine shows here is also kept in its boot diagnostics log, which others may read. Do not have it show passwords, secrets or personal data.";

/** A disconnected user is not logged out. */
export const NOT_LOGGED_OUT =
  "Disconnecting does not log anyone out; the next user continues the same session. Log out before you leave; export TMOUT=600 in ~/.profile ends an idle login after 10 minutes.";

/** Said on leaving a console. */
export function leftConsole(machine: string): string {
  return `You have left the console of ${machine}. If you were logged in there, you still are.`;
}
