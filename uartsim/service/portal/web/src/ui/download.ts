/** Giving the user a file that the page has made. */

/** @param parts what is in it, one after the other. */
export function download(fileName: string, type: string, parts: readonly (string | Uint8Array)[]): void {
  const address = URL.createObjectURL(new Blob(parts as BlobPart[], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = fileName;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** A name of a file for a machine's: `web/0` becomes `web-0`. */
export function fileNameOf(machine: string, ending: string): string {
  return `${machine.replace(/[^\w.-]+/g, "-")}${ending}`;
}
