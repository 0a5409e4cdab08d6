/** The keys of Linux' magic SysRq; source: the kernel's Documentation/admin-guide/sysrq.rst. */

export interface SysrqKey {
  readonly key: string;
  /** What the kernel does. */
  readonly meaning: string;
  /** It ends programs, or the machine's work. */
  readonly isHarmful?: true;
}

/** The keys that kernels know, by their order in the alphabet. */
export const SYSRQ_KEYS: readonly SysrqKey[] = [
  { key: "b", meaning: "Reboot at once, without writing file systems back", isHarmful: true },
  { key: "c", meaning: "Crash the kernel, and take a crash dump if one is configured", isHarmful: true },
  { key: "d", meaning: "Show the locks that are held" },
  { key: "e", meaning: "Ask all programs but init to end (SIGTERM)", isHarmful: true },
  { key: "f", meaning: "Kill the program that uses the most memory", isHarmful: true },
  { key: "g", meaning: "Enter the kernel's debugger", isHarmful: true },
  { key: "h", meaning: "Help: list the keys" },
  { key: "i", meaning: "Kill all programs but init (SIGKILL)", isHarmful: true },
  { key: "j", meaning: "Thaw frozen file systems" },
  { key: "k", meaning: "Kill all programs of the present virtual console", isHarmful: true },
  { key: "l", meaning: "Show what each processor is doing" },
  { key: "m", meaning: "Show the use of memory" },
  { key: "n", meaning: "Make real-time tasks ordinary ones", isHarmful: true },
  { key: "o", meaning: "Power the machine off", isHarmful: true },
  { key: "p", meaning: "Show registers and flags" },
  { key: "q", meaning: "Show timers" },
  { key: "r", meaning: "Take the keyboard from the X server" },
  { key: "s", meaning: "Write file systems back (sync)" },
  { key: "t", meaning: "List all tasks" },
  { key: "u", meaning: "Make all file systems read-only", isHarmful: true },
  { key: "v", meaning: "Restore the framebuffer console" },
  { key: "w", meaning: "List tasks that are blocked" },
  { key: "z", meaning: "Show the trace buffer (ftrace)" },
  ...Array.from({ length: 10 }, (_, level) => ({ key: String(level), meaning: `Set the log level of the console to ${level}` })),
];

/** The sequence for a machine that hangs, as it is taught. */
export const REISUB = "reisub";

/** The service's text for keys that are none. */
export const WRONG_KEYS = "Failed to send SysRq command. Make sure the input only contains numbers and letters.";

/** The keys of a sequence; a string where it is none: what is wrong with it. */
export function readSysrqKeys(typed: string): readonly SysrqKey[] | string {
  const text = typed.trim().toLowerCase();
  if (text === "") return "Type one key or a sequence, such as h or REISUB.";
  if (!/^[0-9a-z]+$/.test(text)) return WRONG_KEYS;
  return [...text].map((key) => SYSRQ_KEYS.find((known) => known.key === key) ?? { key, meaning: "Not a key of most kernels" });
}
