/** The output of a console as a file. */
import { download, fileNameOf } from "../../ui/download";

/** Saves it as, for example, `linux1-console-20261128T143000Z.txt`, or `.ans` with ANSI sequences. */
export function saveOutput(machine: string, text: string, extension: "txt" | "ans"): void {
  const time = new Date().toISOString().replace(/\.\d+/, "").replace(/[-:]/g, "");
  download(fileNameOf(machine, `-console-${time}.${extension}`), "text/plain;charset=utf-8", [text]);
}
