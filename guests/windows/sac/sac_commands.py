"""What SAC's commands do.  Their list is Microsoft's ("Special Administration Console commands"); answers whose text is
not public are in our own words.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import trio

from ..disk.network_adapter import ADAPTER_NAME
from ..disk.registry_hive import CRASH_CONTROL
from ..system.running_windows import MANUALLY_INITIATED_CRASH, VERSION, RunningWindows
from ..system.task_list import Process, ProcessError
from .sac_channels import ChannelError, ChannelSwitch
from .sac_pager import Pager
from .sac_prompt import Command

HELP: Final = """\
ch         Channel management commands. Use ch -? for more help.
cmd        Create a Command Prompt channel.
d          Dump the current kernel log.
f          Toggle detailed or abbreviated tlist info.
? or help  Display this list.
i          List all IP network numbers and their IP addresses.
i <#> <ip> <subnet> <gateway> Set IPv4 addr., subnet and gateway.
id         Display the computer identification information.
k <pid>    Kill the given process.
l <pid>    Lower the priority of a process to the lowest possible.
lock       Lock access to Command Prompt channels.
m <pid> <MB-allow> Limit the memory usage of a process to <MB-allow>.
p          Toggle paging the display.
r <pid>    Raise the priority of a process by one.
s          Display the current time and date (24 hour clock used).
s mm/dd/yyyy hh:mm Set the current time and date (24 hour clock used).
t          Tlist.
restart    Restart the system immediately.
shutdown   Shutdown the system immediately.
crashdump  Crash the system. You must have crash dump enabled.
"""
CHANNEL_HELP: Final = """\
Channel management commands:

ch             - List all channels.
ch -l          - List all channels.
ch -si <#>     - Switch to a channel by its number.
ch -sn <name>  - Switch to a channel by its name.
ch -ci <#>     - Close a channel by its number.
ch -cn <name>  - Close a channel by its name.
ch -?          - Display this list.

Status of a channel: A is active, I is inactive; V is VT-UTF8, R is raw.

Press <esc><tab> for next channel.
Press <esc><tab>0 to return to the SAC channel.
"""
_LONGEST_NUMBER: Final = 9


class SacCommands:
    """SAC's commands.

    Args:
        windows: the running system.
        switch: the channels.
        open_command_channel: makes a Command Prompt channel, or says that it cannot.
        lock: locks the Command Prompt channels and returns how many there are.
    """

    def __init__(
        self,
        windows: RunningWindows,
        switch: ChannelSwitch,
        open_command_channel: Callable[[], Awaitable[None]],
        lock: Callable[[], Awaitable[int]],
    ) -> None:
        self._windows = windows
        self._switch = switch
        self._open_command_channel = open_command_channel
        self._lock = lock
        self._write = switch.sac.window.write
        self._pager = Pager(switch.sac.window)
        self._detailed = True

    def table(self) -> dict[str, Command]:
        """All commands by their names."""
        return {
            "?": self._help, "help": self._help, "ch": self._channels, "cmd": self._command_prompt,
            "d": self._dump_log, "f": self._toggle_detail, "i": self._addresses, "id": self._identify,
            "k": self._kill, "l": self._lower, "lock": self._lock_channels, "m": self._limit_memory,
            "p": self._toggle_paging, "r": self._raise, "s": self._time, "t": self._list_tasks,
            "restart": self._restart, "shutdown": self._shut_down, "crashdump": self._crash,
        }  # fmt: skip

    # ------------------------------------------------------------------------------------------------------- channels
    async def _help(self, _words: list[str]) -> None:
        await self._pager.write(HELP.splitlines())

    async def _channels(self, words: list[str]) -> None:
        if not words or words[0].lower() == "-l":
            await self._write(
                'Channel List\n\n(Use "ch -?" for information on using channels)\n\n# Status  Channel Name\n'
            )
            for number, channel in self._switch:
                await self._write(f"{number} (AV)    {channel.name}\n")
            return
        option = words[0].lower()
        if option not in ("-si", "-sn", "-ci", "-cn") or len(words) != 2:
            await self._write(CHANNEL_HELP)
            return
        try:
            number = self._switch.number_of(words[1], by_name=option[2] == "n")
            if option[1] == "s":
                await self._switch.select(number)
            else:
                self._switch.close(number)
                await self._write("The channel was successfully closed.\n")
        except ChannelError as error:
            await self._write(f"{error}\n")

    async def _command_prompt(self, _words: list[str]) -> None:
        try:
            await self._open_command_channel()
        except ChannelError as error:
            await self._write(f"{error}\n")

    async def _lock_channels(self, _words: list[str]) -> None:
        count = await self._lock()
        await self._write(f"Command Prompt channels are locked: {count}.\n")

    # ------------------------------------------------------------------------------------------------------ processes
    async def _list_tasks(self, _words: list[str]) -> None:
        await self._pager.write(task_lines(self._windows, self._detailed))

    async def _toggle_detail(self, _words: list[str]) -> None:
        self._detailed = not self._detailed
        await self._write(f"The list of processes is {'detailed' if self._detailed else 'abbreviated'}.\n")

    async def _toggle_paging(self, _words: list[str]) -> None:
        self._pager.on = not self._pager.on
        await self._write(f"Paging is {'on' if self._pager.on else 'off'}.\n")

    async def _kill(self, words: list[str]) -> None:
        await self._with_process("k <pid>", words, self._windows.kill, "The process was successfully killed.")

    async def _lower(self, words: list[str]) -> None:
        def lower(process: Process) -> None:
            process.priority = 1

        await self._with_process("l <pid>", words, lower, "The priority was successfully lowered.")

    async def _raise(self, words: list[str]) -> None:
        def up(process: Process) -> None:
            if process.priority >= 31:
                raise ProcessError("The priority is the highest already.")
            process.priority += 1

        await self._with_process("r <pid>", words, up, "The priority was successfully raised.")

    async def _limit_memory(self, words: list[str]) -> None:
        limit = _whole_number(words[1]) if len(words) == 2 else None

        def set_limit(process: Process) -> None:
            process.memory_limit_mb = limit or 0

        if not limit:
            await self._write("Usage: m <pid> <MB-allow>\n")
            return
        await self._with_process("m <pid> <MB-allow>", words[:1], set_limit, "The memory limit was successfully set.")

    async def _with_process(self, usage: str, words: list[str], change: Callable[[Process], None], done: str) -> None:
        pid = _whole_number(words[0]) if len(words) == 1 else None
        if pid is None:
            await self._write(f"Usage: {usage}\n")
            return
        try:
            change(self._windows.tasks.find(pid))
        except ProcessError as error:
            await self._write(f"{error}\n")
        else:
            await self._write(f"{done}\n")

    # --------------------------------------------------------------------------------------------- clock, log, network
    async def _time(self, words: list[str]) -> None:
        if words:
            try:
                date, clock = words
                when = datetime.strptime(f"{date} {clock}", "%m/%d/%Y %H:%M").replace(tzinfo=UTC)
                self._windows.set_clock(when)
            except ValueError:
                await self._write("Usage: s mm/dd/yyyy hh:mm, with a year from 1980 to 2099\n")
                return
        await self._write(f"Date: {self._windows.now():%m/%d/%Y  Time (GMT): %H:%M:%S}\n")

    async def _dump_log(self, _words: list[str]) -> None:
        await self._pager.write(self._windows.log_lines())

    async def _identify(self, _words: list[str]) -> None:
        await self._pager.write(identification(self._windows))

    async def _addresses(self, words: list[str]) -> None:
        adapter = self._windows.disk.adapter
        if not words:
            await self._write(self._address_text())
            return
        if len(words) != 4:
            await self._write("Usage: i <#> <ip> <subnet> <gateway>\n")
        elif words[0] != "1" or not adapter.enabled:
            await self._write(f"There is no network number {words[0]}.\n")
        else:
            try:
                adapter.set_static(*words[1:])
            except ValueError as error:
                await self._write(f"{error} is not an IPv4 address or a subnet mask.\n")
                return
            await self._write(f"The IP address was successfully set.\n{self._address_text()}")

    def _address_text(self) -> str:
        adapter = self._windows.disk.adapter
        if not adapter.enabled:
            return "No IP network is available.\n"
        return (
            f"Net: 1 ({ADAPTER_NAME}), Ip={adapter.address}  Subnet={adapter.mask}  "
            f"Gateway={adapter.gateway or '0.0.0.0'}\n"
        )

    # --------------------------------------------------------------------------------------------------------- the end
    async def _restart(self, _words: list[str]) -> None:
        await self._write("The system is restarting.\n")
        self._windows.end("reboot")
        await trio.sleep_forever()  # there is no other prompt

    async def _shut_down(self, _words: list[str]) -> None:
        await self._write("The system is shutting down.\n")
        self._windows.end("poweroff")
        await trio.sleep_forever()  # there is no other prompt

    async def _crash(self, _words: list[str]) -> None:
        if not self._windows.disk.registry.number(CRASH_CONTROL, "CrashDumpEnabled", 0):
            await self._write("Crash dump is not enabled (CrashDumpEnabled).\n")
            return
        self._windows.crash(MANUALLY_INITIATED_CRASH)
        await trio.sleep_forever()  # there is no other prompt


def task_lines(windows: RunningWindows, detailed: bool) -> Iterator[str]:
    """SAC's list of processes."""
    processes = list(windows.tasks)
    used_mb = sum(process.memory_kb for process in processes) // 1024
    yield f"Memory: 4194304 K physical, {used_mb} MB used by {len(processes)} processes."
    yield "Up time: " + str(windows.uptime()).partition(".")[0]
    yield ""
    if not detailed:
        yield "  Pid Name"
        for process in processes:
            yield f"{process.pid:5} {process.name}"
        return
    yield "  Pid Pri Thds  WSet(K) Limit(MB) Name"
    for process in processes:
        limit = process.memory_limit_mb or "-"
        yield f"{process.pid:5} {process.priority:3} {process.threads:4} {process.memory_kb:8} {limit:>9} {process.name}"


def identification(windows: RunningWindows) -> Iterator[str]:
    """What ``id`` says."""
    disk, options = windows.disk, windows.options
    yield f"Computer Name:          {disk.host_name}"
    yield f"Software:               {disk.product}"
    yield f"Version:                {VERSION}"
    yield "Processor Architecture: AMD64"
    yield f"Boot Entry:             {options.description}"
    yield f"Safe Mode:              {options.safeboot or 'No'}"
    yield f"Time Up:                {str(windows.uptime()).partition('.')[0]}"


def _whole_number(word: str) -> int | None:
    return int(word) if word.isascii() and word.isdigit() and len(word) <= _LONGEST_NUMBER else None
