/** Facts of both documents, in short: what is known to go wrong, and what is asked often. */

export interface Answer {
  readonly question: string;
  readonly answer: string;
}

export const LINUX_SCENARIOS: readonly Answer[] = [
  { question: "Broken fstab", answer: "Press Enter to go on to the emergency shell, and fix /etc/fstab with an editor. You may need single user mode." },
  { question: "Firewall or SSH configuration", answer: "Sign in here and correct iptables, firewalld or sshd: the console needs no network." },
  { question: "Damaged file system", answer: "Answer the questions of the check, or run fsck from single user mode." },
  {
    question: "Boot loader and single user mode",
    answer: "Press Reset VM and hold Esc (or press any key) until GRUB's menu comes. Press e, add single or systemd.unit=rescue.target to the line of the kernel, and press Ctrl+X.",
  },
  {
    question: "A custom image shows nothing",
    answer: "Start the kernel with console=ttyS0 and a login on ttyS0, as the line S0:12345:respawn:/sbin/agetty -L 115200 console vt102 of /etc/inittab does. A custom kernel needs CONFIG_SERIAL_8250=y and CONFIG_MAGIC_SYSRQ_SERIAL=y.",
  },
];

export const ISSUES: readonly Answer[] = [
  {
    question: "Enter after the connection brings no sign-in prompt",
    answer: "A custom VM, a hardened appliance or a GRUB configuration may keep Linux from the serial port. Add console=ttyS0 to the kernel's line. Diagnose says more.",
  },
  {
    question: "Text takes only a part of the screen, or wraps over itself",
    answer: "A serial line has no way to negotiate a window's size (RFC 1073). Press Fit, which types what the command resize would set, or run resize from xterm.",
  },
  {
    question: "Pasting long strings does not work",
    answer: "The service limits a paste to 2048 characters. This page offers to type a longer one at the line's speed.",
  },
  {
    question: "The console does not work with a storage account firewall",
    answer: "By design the storage account for boot diagnostics must not have a firewall. Open it, or use managed storage.",
  },
  {
    question: "The console does not work with Data Lake Storage Gen2",
    answer: "An account with hierarchical namespaces cannot be used, and stays as it was created: give boot diagnostics another account, or managed storage.",
  },
  {
    question: "Web socket is closed or could not be opened",
    answer: "Something between the browser and the service blocks WebSockets. With Azure, allow *.console.azure.com.",
  },
];

export const WINDOWS_ISSUES: readonly Answer[] = [
  { question: "Only health information is shown", answer: "The Special Administration Console is off in this Windows: enable it with bcdedit, as above." },
];

export const PREVIEW_ISSUES: readonly Answer[] = [
  { question: "Instances of scale sets have no serial console", answer: "The preview does not support them." },
  {
    question: "Existing console has conflicting OS type",
    answer: "You have a console of the other operating system open. Retry: only the first attempt is refused.",
  },
];

export const QUESTIONS: readonly Answer[] = [
  { question: "Can I copy and paste?", answer: "Yes: Ctrl+Shift+C and Ctrl+Shift+V, or the buttons of the toolbar." },
  {
    question: "Who can access the console of a machine?",
    answer: "Whoever has the role Virtual Machine Contributor or a higher one on the machine, and on the storage account of its boot diagnostics.",
  },
  {
    question: "Who can enable or disable the console of a subscription?",
    answer: "Whoever has write permissions on the subscription, such as owners and contributors. For one machine it is disabled with its boot diagnostics.",
  },
  {
    question: "The machine knows only SSH keys. Can I sign in?",
    answer: "You need a user with a password: Reset password makes one. The administrator's can also be reset in single user mode.",
  },
  { question: "Are scale sets supported?", answer: "Yes, for each instance. Boot diagnostics belong to the model: update it, then upgrade the instances." },
  { question: "What if another user connects?", answer: "You are disconnected, and they continue in the same session. That logs nobody out." },
];

export const PREVIEW_ANSWERS: readonly Answer[] = [
  { question: "Where is the preview available?", answer: "In West Central US and West Europe, to white-listed subscriptions." },
];
