"""Windows, from the kernel's start to the end: what runs on the machine after the boot manager."""

from __future__ import annotations

import math
from typing import Final

import trio

from uartsim.guest.script import Flag, LineFormat, ScriptHost, UsageError

from .disk.boot_store import BootOptions
from .disk.local_users import Token
from .disk.windows_disk import WindowsDisk
from .sac.command_channels import CommandChannels
from .sac.sac_channels import ChannelSwitch
from .sac.sac_commands import SacCommands, identification
from .sac.sac_prompt import STARTED, SacPrompt
from .sac.stop_console import StopConsole
from .system.disk_check import check_at_boot
from .system.health_report import health_report
from .system.running_windows import VERSION, RunningWindows
from .system.service_manager import ServiceError
from .terminal.console_window import ConsoleWindow, KeyDecoder
from .windows_agent import WindowsAgent
from .windows_settings import Settings

#: How long the last output may take to leave, in seconds; a line that never drains must not keep the machine on.
LAST_OUTPUT_S: Final = 30.0
#: How long a stopped system waits before it restarts by itself, if the registry's AutoReboot says so, in seconds; scaled.
AUTO_REBOOT_S: Final = 20.0
#: The part of ``boot_seconds`` before SAC starts; the rest goes by until `cmd` can be used.
_SAC_SHARE: Final = 0.6
_DRIVERS: Final = [
    "ntoskrnl.exe",
    "hal.dll",
    "kdcom.dll",
    "CLFS.SYS",
    "ACPI.sys",
    "pci.sys",
    "vmbus.sys",
    "storvsc.sys",
    "disk.sys",
    "volmgr.sys",
    "Ntfs.sys",
    "sacdrv.sys",
    "serial.sys",
    "tcpip.sys",
    "netvsc.sys",
]


class WindowsSystem:
    """A Windows whose kernel has just been started.

    Args:
        host: the guest's host.
        settings: the guest's settings.
        disk: the machine's disk.
        options: what the boot took from the BCD.
    """

    def __init__(self, host: ScriptHost, settings: Settings, disk: WindowsDisk, options: BootOptions) -> None:
        self._host = host
        self._settings = settings
        self._windows = RunningWindows(settings, disk, options)
        self._switch = ChannelSwitch(host.tty)
        self._prompt: SacPrompt | None = None

    async def run(self) -> str:
        """Run until the system ends by itself: with "reboot" or "poweroff"."""
        windows = self._windows
        self._host.on_nmi = windows.handle_nmi
        self._host.on_power_button = lambda: windows.end("poweroff")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._boot)
            nursery.start_soon(windows.run_schedule)
            await windows.over.wait()
            nursery.cancel_scope.cancel()
        self._host.on_nmi = self._host.on_power_button = self._host.agent = None
        if windows.stop_error is not None:
            await self._stay_stopped()
        with trio.move_on_after(LAST_OUTPUT_S):
            await self._host.tty.drain()
        return windows.reason or "reboot"

    # ------------------------------------------------------------------------------------------------------- the start
    async def _boot(self) -> None:
        windows = self._windows
        windows.log(f"Windows {VERSION} is starting: {windows.disk.product}")
        if windows.has_sac:
            self._set_speed()
        for driver in _DRIVERS:
            windows.log(f"Loaded driver {driver}")
            if windows.has_sac and windows.options.log:
                await self._host.tty.write(f"Loaded driver {driver}\r\n".encode())
        await trio.sleep(self._settings.boot_seconds * _SAC_SHARE)
        await self._check_disk()
        windows.report_start()
        self._host.agent = WindowsAgent(windows)
        windows.log(f"Service start is complete; Remote Desktop: {windows.remote_desktop().reason or 'reachable'}")
        async with trio.open_nursery() as nursery:
            if windows.has_sac:
                await self._start_sac(nursery)
            else:
                nursery.start_soon(self._ignore_input)
                if not windows.options.debug:
                    nursery.start_soon(self._report_health)

    async def _check_disk(self) -> None:
        """Run the check that chkdsk has scheduled; with SAC it is seen on the line."""
        for line in check_at_boot(self._windows.disk.volume):
            self._windows.log(line)
            if self._windows.has_sac:
                await self._host.tty.write(f"{line}\r\n".encode())
            await trio.sleep(self._settings.scaled(0.1))

    def _set_speed(self) -> None:
        try:
            self._host.tty.set_format(LineFormat.from_baud(self._windows.options.baud))
        except (UsageError, ValueError):
            self._windows.log("The speed of EMS cannot be had; it stays at 115200 baud")

    async def _start_sac(self, nursery: trio.Nursery) -> None:
        windows, switch = self._windows, self._switch
        channels = CommandChannels(windows, switch, self._run_session, self._tell)
        commands = SacCommands(windows, switch, lambda: self._open_command_channel(channels, nursery), channels.lock)
        self._prompt = SacPrompt(switch.sac, commands.table())
        await switch.sac.window.write(STARTED)
        nursery.start_soon(self._prompt.run)
        nursery.start_soon(self._ignore_input if windows.options.debug else self._receive)
        await trio.sleep(self._settings.boot_seconds * (1 - _SAC_SHARE))
        try:
            windows.services.start("sacsvr")
        except ServiceError as error:
            windows.log(f"The service sacsvr cannot be started: {error}")
            return
        channels.available = True
        await self._tell("EVENT: The CMD command is now available.")

    async def _open_command_channel(self, channels: CommandChannels, nursery: trio.Nursery) -> None:
        write = self._switch.sac.window.write
        if not channels.available:
            await write("The CMD command is not available: the service sacsvr does not run.\n")
            return
        name = channels.open(nursery)
        await write("The Command Prompt session was successfully launched.\n")
        await self._tell(f'EVENT:   A new channel has been created.  Use "ch -?" for channel help.\nChannel: {name}')

    async def _tell(self, event: str) -> None:
        if self._prompt is not None:
            await self._prompt.tell(event)

    async def _run_session(self, window: ConsoleWindow, token: Token) -> None:
        from .shell.command_processor import CommandProcessor

        await CommandProcessor(self._windows, token, window).run()

    # ------------------------------------------------------------------------------------------------- without a prompt
    async def _receive(self) -> None:
        """Pass what is typed to the channels; never returns."""
        decoder = KeyDecoder()
        while True:
            received = await self._host.tty.receive()
            if received.flag is Flag.NORMAL:
                for character in decoder.feed(received.data):
                    await self._switch.press(character)

    async def _ignore_input(self) -> None:
        while True:
            await self._host.tty.receive()

    async def _report_health(self) -> None:
        while True:
            await self._host.tty.write(health_report(self._windows).encode())
            if not self._settings.health_seconds:
                return
            await trio.sleep(self._settings.health_seconds)

    async def _stay_stopped(self) -> None:
        """Be a system that a stop error has ended, until `restart` at ``!SAC>``, the reset button or the power switch."""
        windows = self._windows
        error = windows.stop_error
        assert error is not None
        if not windows.has_sac:
            with trio.move_on_after(self._settings.scaled(AUTO_REBOOT_S) if windows.restarts_itself else math.inf):
                await self._ignore_input()
            return
        self._switch = ChannelSwitch(self._host.tty)
        restarted = trio.Event()
        console = StopConsole(self._switch, windows.log_lines(), identification(windows), restarted.set)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(console.run, error, windows.dumps_memory)
            nursery.start_soon(self._ignore_input if windows.options.debug else self._receive)
            with trio.move_on_after(self._settings.scaled(AUTO_REBOOT_S) if windows.restarts_itself else math.inf):
                await restarted.wait()
            nursery.cancel_scope.cancel()
