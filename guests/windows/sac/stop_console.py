"""After a stop error: the blue screen's text on the serial line, and the prompt ``!SAC>``."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import trio

from ..system.running_windows import DUMP_FILE, StopError
from .sac_channels import ChannelSwitch
from .sac_pager import Pager
from .sac_prompt import Command, SacPrompt

PROMPT = "!SAC>"
HELP = """\
d          Display all log entries, paging is on.
? or help  Display this list.
id         Display the computer identification information.
q          Quit, and leave the system stopped.
restart    Restart the system immediately.
"""


def stop_text(error: StopError, dumped: bool) -> str:
    """What is written of a stop error."""
    outcome = f"A memory dump was written to {DUMP_FILE}." if dumped else "No memory dump was written."
    return (
        "\n\nThe system was stopped because of an error that it cannot go on after.\n\n"
        f"{error.name}\n\nTechnical information:\n\n{error}\n\n{outcome}\n\n"
    )


class StopConsole:
    """The console of a system that has stopped.

    Args:
        switch: the channels; SAC's is used.
        log: the kernel's log.
        identification: what ``id`` says.
        restart: restarts the machine.
    """

    def __init__(
        self,
        switch: ChannelSwitch,
        log: Iterable[str],
        identification: Iterable[str],
        restart: Callable[[], None],
    ) -> None:
        self._channel = switch.sac
        self._log = list(log)
        self._identification = list(identification)
        self._restart = restart
        self._write = switch.sac.window.write
        self._pager = Pager(switch.sac.window)

    async def run(self, error: StopError, dumped: bool) -> None:
        """Show the stop error, and then do commands; never returns."""
        await self._write(stop_text(error, dumped))
        commands: dict[str, Command] = {
            "?": self._help,
            "help": self._help,
            "d": self._dump_log,
            "id": self._identify,
            "q": self._leave,
            "restart": self._do_restart,
        }
        await SacPrompt(self._channel, commands, PROMPT).run()

    async def _help(self, _words: list[str]) -> None:
        await self._write(HELP)

    async def _dump_log(self, _words: list[str]) -> None:
        await self._pager.write(self._log)

    async def _identify(self, _words: list[str]) -> None:
        await self._pager.write(self._identification)

    async def _leave(self, _words: list[str]) -> None:
        await self._write("The system stays stopped until it is reset.\n")
        while True:
            await self._channel.window.read_key()

    async def _do_restart(self, _words: list[str]) -> None:
        await self._write("The system is restarting.\n")
        self._restart()
        await trio.sleep_forever()  # there is no other prompt
