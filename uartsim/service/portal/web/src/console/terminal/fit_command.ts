/** Telling the guest the size of the terminal, which a serial line cannot carry. */

/**
 * The line to type at a Unix shell, as `resize` of xterm would set it. The leading blank keeps it out of the history of a
 * shell whose HISTCONTROL has "ignorespace" (Debian's and Ubuntu's has).
 *
 * @throws RangeError if either is not an integer of 1 to 9999.
 */
export function fitCommand(columns: number, rows: number): string {
  for (const count of [columns, rows]) {
    if (!Number.isInteger(count) || count < 1 || count > 9999) throw new RangeError(`${count} is not a size of 1 to 9999.`);
  }
  return ` stty rows ${rows} cols ${columns}\r`;
}
