"""Userspace's first and last process: the initramfs, systemd's lines, rescue and emergency mode, gettys, shutdown.

Only what a person at the serial line sees of them.  systemd ends its status lines with CR LF and the tty adds
another CR: both are kept, because programs that read consoles must cope with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import trio

from ..kernel import boot_log
from ..kernel import crash_traces as traces
from ..shell.interactive import Shell
from .getty import Getty, Sulogin

if TYPE_CHECKING:
    from ..linux_system import Machine

#: What root= may name.
ROOT_DEVICES: Final = ("/dev/vda1", "UUID=7d1c9c3b-51a2-4d0f-9c43-0a8f5d1f7e55", "LABEL=root", "PARTUUID=4f1c03d2-01")
#: How long the initramfs waits for its root device, in seconds; scaled.
ROOT_DELAY_S: Final = 30.0

_GREEN: Final = "\x1b[0;32m"
_BOLD: Final = "\x1b[0;1;39m"
_END: Final = "\x1b[0m"

#: Verb, unit and description of what starts, in order.
_STARTED: Final = (
    ("Created slice", "system-getty.slice", "Slice /system/getty"),
    ("Reached target", "swap.target", "Swaps"),
    ("Listening on", "systemd-journald.socket", "Journal Socket"),
    ("Started", "systemd-journald.service", "Journal Service"),
    ("Finished", "systemd-remount-fs.service", "Remount Root and Kernel File Systems"),
    ("Reached target", "local-fs.target", "Local File Systems"),
    ("Finished", "systemd-sysctl.service", "Apply Kernel Variables"),
    ("Reached target", "sysinit.target", "System Initialization"),
)
_MULTI_USER: Final = (
    ("Reached target", "timers.target", "Timer Units"),
    ("Reached target", "basic.target", "Basic System"),
    ("Started", "cron.service", "Regular background program processing daemon"),
    ("Finished", "systemd-user-sessions.service", "Permit User Sessions"),
    ("Started", "getty@tty1.service", "Getty on tty1"),
)
_SERIAL_GETTY: Final = ("Started", "serial-getty@ttyS0.service", "Serial Getty on ttyS0")
_LOGIN_PROMPTS: Final = (
    ("Reached target", "getty.target", "Login Prompts"),
    ("Reached target", "multi-user.target", "Multi-User System"),
    ("Reached target", "graphical.target", "Graphical Interface"),
)
_STOPPED: Final = (
    ("Stopped target", "graphical.target", "Graphical Interface"),
    ("Stopped target", "multi-user.target", "Multi-User System"),
    ("Stopped target", "getty.target", "Login Prompts"),
    ("Stopped", "cron.service", "Regular background program processing daemon"),
    ("Stopped", "serial-getty@ttyS0.service", "Serial Getty on ttyS0"),
    ("Stopped target", "basic.target", "Basic System"),
    ("Stopped target", "sysinit.target", "System Initialization"),
    ("Stopped target", "local-fs.target", "Local File Systems"),
    ("Reached target", "umount.target", "Unmount All Filesystems"),
    ("Reached target", "shutdown.target", "System Shutdown"),
    ("Reached target", "final.target", "Late Shutdown Services"),
)
_LAST: Final = {
    "reboot": ("reboot", "System Reboot", "Rebooting.", "reboot: Restarting system"),
    "poweroff": ("poweroff", "System Power Off", "Powering off.", "reboot: Power down"),
    "halt": ("halt", "System Halt", "Halting system.", "reboot: System halted"),
}
_MODE_HELP: Final = (
    'You are in {mode} mode. After logging in, type "journalctl -xb" to view\n'
    'system logs, "systemctl reboot" to reboot, "systemctl default" or "exit"\n'
    "to boot into default mode.\n"
)
_WORDS: Final = {
    "single": "rescue",
    "s": "rescue",
    "S": "rescue",
    "1": "rescue",
    "rescue": "rescue",
    "emergency": "emergency",
    "-b": "emergency",
}


class Init:
    """Process 1.

    Args:
        machine: the machine it runs on.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._kernel = machine.kernel
        self._terminal = machine.terminal
        self._shutdown = trio.Event()
        self._how = ""
        self._life: trio.CancelScope | None = None
        consoles = self._kernel.command_line.consoles
        #: Whether /dev/console, where init itself writes, is the serial line: the last console named.
        self.console_is_serial = consoles[-1].partition(",")[0] == "ttyS0"
        self._kernel.sysrq.kill_all = self._kill_sessions

    def shut_down(self, how: str) -> None:
        """Begin a clean "reboot", "poweroff" or "halt"; the caller's session ends soon."""
        self._how = self._how or how
        self._shutdown.set()

    def shut_down_at_once(self, how: str) -> None:
        """``reboot -f``: no clean end."""
        self._kernel.printk(_LAST[how][3], 0)
        self._finish(how)

    async def run(self) -> None:
        """Run the system until it is shut down."""
        if self.console_is_serial:
            self._kernel.open_tty()
        if await self._initramfs():
            await self._real_root()

    # ------------------------------------------------------------------------------------------------------- the start
    async def _initramfs(self) -> bool:
        """Find and mount the root; whether to go on."""
        kernel = self._kernel
        await self._console("Loading, please wait...\nStarting systemd-udevd version 252.22-1~deb12u1\n")
        for _part, level, text in boot_log.DISK:
            kernel.printk(text, level)
        await self._console(
            "Begin: Loading essential drivers ... done.\nBegin: Running /scripts/init-premount ... done.\n"
            "Begin: Mounting root file system ... Begin: Running /scripts/local-top ... done.\n"
            "Begin: Running /scripts/local-premount ... done.\n"
        )
        root = kernel.command_line.value("root") or ""
        if root not in ROOT_DEVICES:
            await self._drop_to_initramfs_shell(root)
            return False
        kernel.printk(boot_log.MOUNTED)
        await self._console("done.\nBegin: Running /scripts/local-bottom ... done.\n")
        if any(word == "break" or word.startswith("break=") for word in kernel.command_line.words):
            await self._console("Spawning shell within the initramfs\n")
            await self._initramfs_shell()
        await self._console("Begin: Running /scripts/init-bottom ... done.\n")
        return True

    async def _drop_to_initramfs_shell(self, root: str) -> None:
        await self._console("Begin: Waiting for root file system ... ")
        await trio.sleep(self._machine.settings.scaled(ROOT_DELAY_S))
        await self._console(
            "Begin: Running /scripts/local-block ... done.\ndone.\n"
            "Gave up waiting for root file system device.  Common problems:\n"
            " - Boot args (cat /proc/cmdline)\n"
            "   - Check rootdelay= (did the system wait long enough?)\n"
            " - Missing modules (cat /proc/modules; ls /dev)\n"
            f"ALERT!  {root} does not exist.  Dropping to a shell!\n"
        )
        await self._initramfs_shell()
        self._kernel.panic("Attempted to kill init! exitcode=0x00000100", traces.INIT_DIED)

    async def _initramfs_shell(self) -> None:
        await self._console(
            "\n\nBusyBox v1.35.0 (Debian 1:1.35.0-4+b3) built-in shell (ash)\n"
            "Enter 'help' for a list of built-in commands.\n\n"
        )
        if not self.console_is_serial:
            await trio.sleep_forever()
        shell = Shell(self._machine, prompt="(initramfs) ", directory="/", name="sh", job_control=False)
        await shell.run_interactive()

    async def _real_root(self) -> None:
        init = self._kernel.command_line.value("init")
        if init in ("/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh", "/bin/dash"):
            await self._be_a_shell(init)
            return
        if init not in (None, "/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/bin/systemd"):
            await self._console(f"Target filesystem doesn't have requested {init}.\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._systemd)
            await self._shutdown.wait()
            await trio.sleep(self._machine.settings.scaled(0.1))
            nursery.cancel_scope.cancel()
        self._terminal.discipline.set_modes(self._terminal.discipline.modes.without("ixon"))
        await self._stop()

    async def _be_a_shell(self, path: str) -> None:
        """``init=/bin/bash``: a root shell as process 1, without login and without job control."""
        if not self.console_is_serial:
            await trio.sleep_forever()
        name = path.rpartition("/")[2]
        if name == "bash":
            await self._terminal.write(
                "bash: cannot set terminal process group (-1): Inappropriate ioctl for device\n"
                "bash: no job control in this shell\n"
            )
            prompt = "root@(none):\\w# "
        else:
            await self._terminal.write("/bin/sh: 0: can't access tty; job control turned off\n")
            prompt = "# "
        self._machine.hostname = "(none)"
        shell = Shell(self._machine, prompt=prompt, directory="/", name=name, job_control=False)
        status = await shell.run_interactive()
        self._kernel.panic(f"Attempted to kill init! exitcode=0x{(status & 0xFF) << 8:08x}", traces.INIT_DIED)

    async def _systemd(self) -> None:
        kernel, settings = self._kernel, self._machine.settings
        start = trio.current_time()
        duration_s = settings.boot_seconds * 0.4
        for part, level, text in boot_log.systemd_lines(settings.hostname):
            await trio.sleep_until(start + part * duration_s)
            kernel.printk(text, level)
            await self._machine.port.room_for_kernel()
        self._apply_sysctls()
        if self._shows_status:
            await self._console(f"\nWelcome to \x1b[1mDebian GNU/Linux 12 (bookworm){_END}!\n\n")
        await self._status(_STARTED, start + 0.25 * duration_s, start + 0.6 * duration_s)
        mode = self._requested_mode()
        if mode is not None:
            await self._maintenance(mode)
        await self._multi_user(start, duration_s)

    async def _maintenance(self, mode: str) -> None:
        """Rescue or emergency mode, until somebody leaves it for the default target."""
        title = mode.capitalize()
        await self._status(
            (
                ("Started", f"{mode}.service", f"{title} Shell"),
                ("Reached target", f"{mode}.target", f"{title} Mode"),
            )
        )
        if not self.console_is_serial:
            await trio.sleep_forever()
        await self._terminal.write(_MODE_HELP.format(mode=mode))
        await Sulogin(self._machine).run()
        await self._terminal.write("Reloading system manager configuration\r\nStarting default.target\r\n")

    async def _multi_user(self, start: float, duration_s: float) -> None:
        command_line = self._kernel.command_line
        masked = "systemd.mask=serial-getty@ttyS0.service" in command_line.words
        has_getty = self._kernel.is_serial_console and not masked
        await self._status(_MULTI_USER, start + 0.6 * duration_s, start + 0.9 * duration_s)
        if has_getty:
            await self._status((_SERIAL_GETTY,))
        await self._status(_LOGIN_PROMPTS)
        await trio.sleep_until(start + duration_s)
        if not has_getty:
            self._kernel.close_tty()
            await trio.sleep_forever()
        while True:
            self._kernel.open_tty()
            with trio.CancelScope() as life:
                self._life = life
                await Getty(self._machine).run()
            self._kernel.sysrq.logged_in = False
            await trio.sleep(self._machine.settings.scaled(0.1))

    def _kill_sessions(self) -> None:
        """SysRq e, i and f: the session ends, the getty comes back."""
        if self._life is not None:
            self._life.cancel()

    def _apply_sysctls(self) -> None:
        value = self._kernel.command_line.value("sysctl.kernel.sysrq")
        if value is not None and value.isdigit():
            self._kernel.sysrq.mask = int(value)

    def _requested_mode(self) -> str | None:
        unit = self._kernel.command_line.value("systemd.unit")
        if unit is not None:
            return {"rescue.target": "rescue", "emergency.target": "emergency"}.get(unit)
        for word in self._kernel.command_line.words:
            if word in _WORDS:
                return _WORDS[word]
        return None

    # --------------------------------------------------------------------------------------------------------- the end
    async def _stop(self) -> None:
        kernel, settings = self._kernel, self._machine.settings
        target, title, farewell, last_words = _LAST[self._how]
        service = (
            ("Finished", f"systemd-{target}.service", title),
            ("Reached target", f"{target}.target", title),
        )
        start = trio.current_time()
        await self._status((*_STOPPED, *service), start, start + settings.scaled(0.3))
        await self._machine.port.drain()
        for text in (
            "systemd-shutdown[1]: Syncing filesystems and block devices.",
            "systemd-shutdown[1]: Sending SIGTERM to remaining processes...",
            "systemd-journald[187]: Received SIGTERM from PID 1 (systemd-shutdow).",
            "systemd-shutdown[1]: Sending SIGKILL to remaining processes...",
            "systemd-shutdown[1]: Unmounting file systems.",
            "EXT4-fs (vda1): re-mounted. Quota mode: none.",
            "systemd-shutdown[1]: All filesystems unmounted.",
            "systemd-shutdown[1]: All filesystems, swaps, loop devices, MD devices and DM devices detached.",
            "systemd-shutdown[1]: Syncing filesystems and block devices.",
            f"systemd-shutdown[1]: {farewell}",
        ):
            kernel.printk(text)
            await trio.sleep(settings.scaled(0.02))
        if self._how != "halt":
            kernel.printk("ACPI: PM: Preparing to enter system sleep state S5")
        kernel.printk(last_words, 0)
        if self._how == "reboot":
            kernel.printk("reboot: machine restart", 0)
        self._finish(self._how)

    def _finish(self, how: str) -> None:
        if how != "halt":
            self._kernel.power(how)
        else:
            self._kernel.panicked = True  # the processors stop, the power stays on: only a reset helps
        self._kernel.stop_userspace()

    # ------------------------------------------------------------------------------------------------------ its output
    @property
    def _shows_status(self) -> bool:
        return "quiet" not in self._kernel.command_line.words

    async def _console(self, text: str) -> None:
        """Write to /dev/console; nothing on this line if that is the screen."""
        if self.console_is_serial:
            await self._terminal.write(text)
        else:
            await trio.lowlevel.checkpoint()

    async def _status(self, lines: Sequence[tuple[str, str, str]], start: float = 0.0, end: float = 0.0) -> None:
        """systemd's status lines, spread over the time from ``start`` to ``end``."""
        for index, (verb, unit, description) in enumerate(lines):
            await trio.sleep_until(start + (end - start) * index / len(lines))
            if self._shows_status:
                await self._console(f"[{_GREEN}  OK  {_END}] {verb} {_BOLD}{unit}{_END} - {description}.\r\n")
