"""Process 1: systemd's boot, rescue and emergency mode, the getty, the shutdown; or a shell, with ``init=/bin/bash``.

Only what they write to the serial line is there.  systemd ends its status lines with CR LF and the tty adds another CR:
both are kept, because programs that read consoles must cope with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import trio

from ..kernel import boot_log, crash_traces
from ..kernel.kernel import Kernel
from ..kernel.printk import EMERG
from ..settings import Settings
from .command_agent import CommandAgent
from .getty import Getty
from .initramfs import Initramfs
from .sulogin import Sulogin
from .user_shell import run_user_shell

#: The part of ``boot_seconds`` that systemd takes; the kernel takes the rest.
SYSTEMD_SHARE: Final = 0.4

_GREEN: Final = "\x1b[0;32m"
_BOLD: Final = "\x1b[0;1;39m"
_END: Final = "\x1b[0m"

#: Verb, unit and description of each status line, in order.
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
#: For each way to go down: target, title, systemd's last message and the kernel's.
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
#: Words on the kernel's command line, and the modes that they ask systemd for.
_MODES: Final = {
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
        kernel: the kernel.
        settings: the guest's settings.
        agent: the guest agent, a service of multi-user mode.
    """

    def __init__(self, kernel: Kernel, settings: Settings, agent: CommandAgent) -> None:
        self._kernel = kernel
        self._settings = settings
        self._agent = agent
        self._terminal = kernel.terminal
        self._parameters = kernel.parameters
        self._shutdown = trio.Event()
        self._how = ""
        self._getty_scope: trio.CancelScope | None = None

    def shut_down(self, how: str) -> None:
        """Begin a clean "reboot", "poweroff" or "halt", in which all sessions end."""
        self._how = self._how or how
        self._shutdown.set()

    def shut_down_at_once(self, how: str) -> None:
        """Do a "reboot", "poweroff" or "halt" without stopping the services first (``reboot -f``)."""
        self._kernel.log.printk(_LAST[how][3], EMERG)
        self._kernel.stop(how)

    async def run(self) -> None:
        """Run the system until it is shut down."""
        if self._parameters.console_is_serial:
            self._kernel.open_tty()
        if await Initramfs(self._kernel, self._settings).run():
            await self._real_root()

    # ------------------------------------------------------------------------------------------------------- the start
    async def _real_root(self) -> None:
        init = self._parameters.value("init")
        if init in ("/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh", "/bin/dash"):
            await self._run_shell_as_init(init)
            return
        if init not in (None, "/sbin/init", "/lib/systemd/systemd", "/usr/lib/systemd/systemd", "/bin/systemd"):
            await self._kernel.write_console(f"Target filesystem doesn't have requested {init}.\n")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._systemd)
            await self._shutdown.wait()
            await trio.sleep(self._settings.scaled(0.1))
            self._agent.stop()
            nursery.cancel_scope.cancel()
        self._terminal.discipline.set_modes(self._terminal.discipline.modes.without("ixon"))
        await self._stop()

    async def _run_shell_as_init(self, path: str) -> None:
        """Run a root shell as process 1 (``init=/bin/bash``), without login and without job control."""
        if not self._parameters.console_is_serial:
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
        self._kernel.host_name = "(none)"
        status = await run_user_shell(
            self._kernel, self._settings, name, prompt=prompt, directory="/", job_control=False
        )
        self._kernel.panic(f"Attempted to kill init! exitcode=0x{(status & 0xFF) << 8:08x}", crash_traces.INIT_DIED)

    async def _systemd(self) -> None:
        kernel, settings = self._kernel, self._settings
        start = trio.current_time()
        duration_s = settings.boot_seconds * SYSTEMD_SHARE
        for part, level, text in boot_log.systemd_lines(settings.hostname):
            await trio.sleep_until(start + part * duration_s)
            kernel.log.printk(text, level)
            await self._kernel.port.room_for_kernel()
        self._apply_sysctls()
        if self._shows_status:
            await self._kernel.write_console(f"\nWelcome to \x1b[1mDebian GNU/Linux 12 (bookworm){_END}!\n\n")
        await self._status(_STARTED, start + 0.25 * duration_s, start + 0.6 * duration_s)
        mode = self._requested_mode()
        if mode is not None:
            await self._maintenance(mode)
        await self._multi_user(start, duration_s)

    async def _maintenance(self, mode: str) -> None:
        """Run rescue or emergency mode until it is left for the default target."""
        title = mode.capitalize()
        await self._status(
            (
                ("Started", f"{mode}.service", f"{title} Shell"),
                ("Reached target", f"{mode}.target", f"{title} Mode"),
            )
        )
        if not self._parameters.console_is_serial:
            await trio.sleep_forever()
        await self._terminal.write(_MODE_HELP.format(mode=mode))
        await Sulogin(self._kernel, self._settings).run()
        await self._terminal.write("Reloading system manager configuration\r\nStarting default.target\r\n")

    async def _multi_user(self, start: float, duration_s: float) -> None:
        masked = "systemd.mask=serial-getty@ttyS0.service" in self._parameters.words
        has_getty = self._kernel.has_serial_console and not masked
        await self._status(_MULTI_USER, start + 0.6 * duration_s, start + 0.9 * duration_s)
        if has_getty:
            await self._status((_SERIAL_GETTY,))
        await self._status(_LOGIN_PROMPTS)
        await trio.sleep_until(start + duration_s)
        self._agent.start()
        if not has_getty:
            self._kernel.close_tty()
            await trio.sleep_forever()
        while True:
            self._kernel.open_tty()
            with trio.CancelScope() as scope:
                self._getty_scope = scope
                await Getty(self._kernel, self._settings).run()
            self._kernel.processes.logged_in = False
            await trio.sleep(self._settings.scaled(0.1))

    def kill_sessions(self) -> None:
        """End the getty or the session after it; there will be a new getty (SysRq e, i and f)."""
        if self._getty_scope is not None:
            self._getty_scope.cancel()

    def _apply_sysctls(self) -> None:
        value = self._parameters.value("sysctl.kernel.sysrq")
        if value is not None and value.isdigit():
            self._kernel.sysrq.mask = int(value)

    def _requested_mode(self) -> str | None:
        unit = self._parameters.value("systemd.unit")
        if unit is not None:
            return {"rescue.target": "rescue", "emergency.target": "emergency"}.get(unit)
        for word in self._parameters.words:
            if word in _MODES:
                return _MODES[word]
        return None

    # --------------------------------------------------------------------------------------------------------- the end
    async def _stop(self) -> None:
        kernel, settings = self._kernel, self._settings
        target, title, farewell, last_words = _LAST[self._how]
        service = (
            ("Finished", f"systemd-{target}.service", title),
            ("Reached target", f"{target}.target", title),
        )
        start = trio.current_time()
        await self._status((*_STOPPED, *service), start, start + settings.scaled(0.3))
        await self._kernel.port.drain()
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
            kernel.log.printk(text)
            await trio.sleep(settings.scaled(0.02))
        if self._how != "halt":
            kernel.log.printk("ACPI: PM: Preparing to enter system sleep state S5")
        kernel.log.printk(last_words, EMERG)
        if self._how == "reboot":
            kernel.log.printk("reboot: machine restart", EMERG)
        kernel.stop(self._how)

    # ------------------------------------------------------------------------------------------------------ its output
    @property
    def _shows_status(self) -> bool:
        return "quiet" not in self._parameters.words

    async def _status(self, lines: Sequence[tuple[str, str, str]], start: float = 0.0, end: float = 0.0) -> None:
        """Write systemd's status lines, spread over the time from ``start`` to ``end``."""
        for index, (verb, unit, description) in enumerate(lines):
            await trio.sleep_until(start + (end - start) * index / len(lines))
            if self._shows_status:
                await self._kernel.write_console(
                    f"[{_GREEN}  OK  {_END}] {verb} {_BOLD}{unit}{_END} - {description}.\r\n"
                )
