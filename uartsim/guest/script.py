"""Guests of kind ``script``: a Python script.

The script, ``guest.py`` in the guest's folder unless the manifest names another file, defines::

    async def main(host: ScriptHost) -> str | None:
        host.tty.open()
        await host.tty.write(b"hello\\r\\n")
        return "poweroff"  # or "reboot"

``main`` is started at power-on and again after each reset; it is cancelled on reset and power-off.  What it puts into
``host.disk`` is there again at the next start, also when the same guest is run again after a power-off.  Its output and input
go through the chip's registers, because ``host.tty`` is a :class:`~uartsim.machine.SerialDriver`.  Time is trio's, so that
a virtual clock works.  The files in the folder may import each other relatively: the folder is loaded as a package.
"""

from __future__ import annotations

import importlib.util
import inspect
import itertools
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, TypeVar

import trio

from uartsim.blocked_loop import GUEST_PACKAGE
from uartsim.error_groups import first_error
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition, catalogue_folder
from uartsim.line_format import LineFormat
from uartsim.machine import (
    AgentError,
    AgentNotRunningError,
    CommandResult,
    Flag,
    GuestEnd,
    Machine,
    Received,
    SerialDriver,
)
from uartsim.machine.agent_guest import COMMAND_TIMEOUT_S

__all__ = [
    "CommandResult",
    "Flag",
    "LineFormat",
    "Received",
    "ScriptAgent",
    "ScriptGuest",
    "ScriptHost",
    "SerialDriver",
    "UsageError",
]

#: How long a script's last output may take to leave the chip, in seconds.
LAST_WORDS_S = 5.0

_serial = itertools.count()
_Answer = TypeVar("_Answer")


class ScriptAgent(Protocol):
    """What a script may offer as its guest agent; see :class:`uartsim.machine.AgentGuest`.

    Both raise UsageError for what cannot be done, in a sentence.  A time limit is kept by who calls.
    """

    async def run_command(self, script: str, *, shell: str) -> CommandResult:
        """Run a script as the machine's administrator."""

    async def set_password(self, user: str, password: str) -> None:
        """Set a user's password; a user that does not exist is created."""


class ScriptHost:
    """The machine as a script sees it.

    Attributes:
        tty: the driver of COM1, not yet opened.
        uart: the name of COM1's chip, such as ``"16550A"``.
        settings: the manifest's ``[settings]``, with the user's changes.
        folder: the guest's folder, for data files.
        on_nmi: a function that the script may set; it is called when the NMI button is pressed.
        on_power_button: in the same way, for the power button: it has the system shut down, and returns at once.
        agent: the guest agent, which the script may set while its system runs; None in a guest without one.
        disk: whatever the script keeps over resets and reboots, for as long as the guest exists.
    """

    def __init__(
        self, machine: Machine, settings: Mapping[str, Any], folder: Path, disk: dict[str, Any] | None = None
    ) -> None:
        self.tty = SerialDriver(machine.com1)
        self.uart = machine.com1.uart.variant.name
        self.settings = settings
        self.folder = folder
        self.on_nmi: Callable[[], None] | None = None
        self.on_power_button: Callable[[], None] | None = None
        self.agent: ScriptAgent | None = None
        self.disk: dict[str, Any] = {} if disk is None else disk

    def status(self) -> dict[str, Any]:
        """COM1's counters, as ``uartsim status`` shows them."""
        return self.tty.com1.status()


class ScriptGuest:
    """A guest that is a script.

    Args:
        definition: the guest as its folder defines it, of kind ``"script"``.

    Raises:
        UsageError: the script cannot be loaded.
    """

    kind = "script"

    def __init__(self, definition: GuestDefinition) -> None:
        self.definition = definition
        self._main = load_main(definition.folder, str(definition.options.get("file", "guest.py")))
        self._host: ScriptHost | None = None
        self._scope: trio.CancelScope | None = None
        self._failure: str | None = None  # of a handler of the script's for a button
        self._disk: dict[str, Any] = {}
        self._requests: set[trio.CancelScope] = set()  # to the script's agent

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Power on; see :class:`uartsim.machine.Guest`."""
        definition = self.definition
        self._failure = None  # the guest may have run before, and been switched off since
        task_status.started()
        while True:
            await trio.lowlevel.checkpoint()  # a script that only reboots can still be stopped
            self._host = host = ScriptHost(machine, definition.settings, definition.folder, self._disk)
            wish: str | None = "reboot"  # stays so if the reset button cancels the scope
            with trio.CancelScope() as self._scope:
                try:
                    wish = await self._main(host)
                except (Exception, SystemExit) as error:
                    self._failure = _where(error, definition.folder)
                finally:
                    host.agent = None
                    for request in self._requests:
                        request.cancel()
            if wish not in ("reboot", "poweroff", None):
                self._failure = f"main returned {wish!r}: use 'reboot', 'poweroff' or None"
            if not self._scope.cancelled_caught or self._failure is not None:
                with trio.move_on_after(LAST_WORDS_S):
                    await host.tty.drain()  # the last output often says why the script ended
            host.tty.close()
            if self._failure is not None:
                return GuestEnd("failed", detail=self._failure)
            if wish != "reboot":
                return GuestEnd("poweroff")
            if not self._scope.cancelled_caught:
                machine.com1.reset()

    async def reset(self) -> None:
        """The reset button: the script is cancelled, and starts again."""
        if self._scope is not None:
            self._scope.cancel()
        await trio.lowlevel.checkpoint()

    async def nmi(self) -> None:
        """The NMI button: call the script's handler.  An error in it ends the script, and is not raised here."""
        if self._host is not None:
            self._call(self._host.on_nmi)
        await trio.lowlevel.checkpoint()

    async def press_power_button(self) -> bool:
        """The power button: call the script's handler, in the same way; returns whether there is one."""
        handler = None if self._host is None else self._host.on_power_button
        self._call(handler)
        await trio.lowlevel.checkpoint()
        return handler is not None

    def _call(self, handler: Callable[[], None] | None) -> None:
        if handler is None:
            return
        try:
            handler()
        except (Exception, SystemExit) as error:
            self._failure = _where(error, self.definition.folder)
            if self._scope is not None:
                self._scope.cancel()

    async def run_command(
        self, script: str, *, shell: str = "sh", timeout_s: float | None = COMMAND_TIMEOUT_S
    ) -> CommandResult:
        """Ask the script's agent; see :class:`uartsim.machine.AgentGuest`."""
        return await self._ask(self._agent().run_command(script, shell=shell), timeout_s)

    async def set_password(self, user: str, password: str) -> None:
        """Ask the script's agent; see :class:`uartsim.machine.AgentGuest`."""
        await self._ask(self._agent().set_password(user, password), COMMAND_TIMEOUT_S)

    def _agent(self) -> ScriptAgent:
        """The script's agent.

        Raises:
            AgentNotRunningError: it has set none.
        """
        if self._host is None or self._host.agent is None:
            raise AgentNotRunningError(
                f"{self.definition.name} cannot run commands or set passwords from outside: no guest agent runs in it now; "
                "if it has one, wait until its system has started"
            )
        return self._host.agent

    async def _ask(self, request: Awaitable[_Answer], timeout_s: float | None) -> _Answer:
        name = self.definition.name
        scope = trio.CancelScope() if timeout_s is None else trio.move_on_after(timeout_s)
        self._requests.add(scope)
        try:
            with scope:
                return await request
        except (UartsimError, trio.Cancelled):
            raise
        except (Exception, SystemExit) as error:
            raise AgentError(f"{name}: the guest's agent failed: {_where(error, self.definition.folder)}") from error
        finally:
            self._requests.remove(scope)
        if timeout_s is not None and trio.current_time() >= scope.deadline:
            raise AgentError(f"{name}: the guest's agent took longer than {timeout_s:g} s, and was stopped")
        raise AgentError(f"{name}: the guest was reset or switched off before its agent had answered")


#: The scripts of the catalogue that are loaded: by file, with the state of its folder's files at that time.
_of_catalogue: dict[Path, tuple[object, Callable[[ScriptHost], Awaitable[str | None]]]] = {}


def load_main(folder: Path, file: str) -> Callable[[ScriptHost], Awaitable[str | None]]:
    """Load a guest's script and return its ``main``.

    The guests of the catalogue keep nothing in their modules, so all machines of a process with one of them have the same
    modules, and a hundred machines fit into little memory.  Any other folder is loaded anew for each machine.

    Raises:
        UsageError: it cannot be loaded or has no ``async def main(host)``; the message names the file.
    """
    path = folder / file
    if folder.parent != catalogue_folder():
        return _load(folder, path)
    files = sorted((one.as_posix(), one.stat().st_mtime_ns) for one in folder.rglob("*.py"))
    loaded = _of_catalogue.get(path)
    # pytester, and whatever else runs a program in this process, takes modules away that were imported meanwhile
    if loaded is None or loaded[0] != files or loaded[1].__module__ not in sys.modules:
        loaded = _of_catalogue[path] = files, _load(folder, path)
    return loaded[1]


def _load(folder: Path, path: Path) -> Callable[[ScriptHost], Awaitable[str | None]]:
    # Each guest gets a package of its own, so that files of the same name in two folders do not collide.
    package = f"{GUEST_PACKAGE}{next(_serial)}_{''.join(c if c.isalnum() else '_' for c in folder.name)}"
    module = ModuleType(package)
    module.__path__ = [str(folder)]
    sys.modules[package] = module
    spec = importlib.util.spec_from_file_location(f"{package}.{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path}: not a Python file; a script guest's file ends in .py")
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    try:
        spec.loader.exec_module(script)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{path}: the guest's script cannot be loaded: {_where(error, folder)}") from error
    main = getattr(script, "main", None)
    if not inspect.iscoroutinefunction(main):
        raise UsageError(f"{path}: there is no 'async def main(host)', which is where a script guest starts")
    found: Callable[[ScriptHost], Awaitable[str | None]] = main
    return found


def _where(error: BaseException, folder: Path) -> str:
    """Describe an error in one line, with the line in the guest's own files at which it happened."""
    error = first_error(error)  # a nursery of the script may have wrapped it
    places = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(folder)]
    place = f" ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else ""
    return f"{type(error).__name__}: {error}{place}"
