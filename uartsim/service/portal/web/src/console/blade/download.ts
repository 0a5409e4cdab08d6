/** Gives the user a text as a file. */

export function downloadText(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser has begun to read it when the click is over; the address is only let go.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Such as `linux1-console-20261128T143000Z.txt`, or `.ans` with ANSI sequences. */
export function outputFileName(machine: string, at: Date, extension: "txt" | "ans"): string {
  const time = at.toISOString().replace(/\.\d+/, "").replace(/[-:]/g, "");
  return `${machine.replace(/[^0-9A-Za-z._-]/g, "-")}-console-${time}.${extension}`;
}
