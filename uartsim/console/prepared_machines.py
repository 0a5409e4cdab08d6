"""Machines for tests that are booted and prepared once: each console that they give begins at the moment after that.

The first console boots the guest, and lets the caller prepare it, such as log in.  The moment after that is kept twice: as a
checkpoint of the running machine, to which it goes back for each further console in a fraction of a second; and as a
snapshot in a folder, from which a new machine starts in a few seconds, when a test has switched the machine off or wants
another line.  Processes that share the folder, such as the workers of pytest-xdist, boot once between them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from uartsim.console.blocking_console import Console
from uartsim.console.console import Console as AsyncConsole
from uartsim.console.open_blocking_console import held, open_console
from uartsim.console.restored_console import is_on, open_restored
from uartsim.console.snapshots import Checkpoint
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.before_boot import without_changes
from uartsim.guest.catalogue import GuestDefinition
from uartsim.own_files.folder import OwnFolder, open_own
from uartsim.own_files.trees import remove_tree
from uartsim.scenarios import staged

#: How long a process waits for another that boots the same machine, in seconds.
BOOT_TIMEOUT_S: Final = 3600.0
#: How many machines without a console are kept running for the next one.
MOST_PARKED: Final = 2

_SNAPSHOT: Final = "snapshot"
_FAILED: Final = "failed"
_REMEDY: Final = "give pytest another --basetemp"
#: Options that each console of a machine has for itself; a machine that goes back in place can take any of these.
_OF_CONSOLE: Final = ("timeout", "timeout_scale", "problems", "allow", "record", "log")
#: Options that a machine can take when it starts from a snapshot.
_OF_START: Final = (*_OF_CONSOLE, "fault", "trace", "vcd", "name", "line_policy")
#: Options that change a disk before it boots: a snapshot has them behind it.
_BEFORE_BOOT: Final = ("edit", "grub", "scenario")


class PreparationFailed(UartsimError):
    """Preparing a machine failed earlier; it is not tried again."""


@dataclass(frozen=True, eq=False)
class _Parked:
    """A running machine without a console.

    Attributes:
        key: what it was prepared as.
        checkpoint: the moment after it was prepared.
        held: switches it off.
    """

    key: str
    checkpoint: Checkpoint
    held: ExitStack

    @property
    def runs(self) -> bool:
        return is_on(self.checkpoint)

    def switch_off(self) -> None:
        """Switch it off; what is wrong with it does not matter any more."""
        with contextlib.suppress(UartsimError):
            self.held.close()


class PreparedMachines:
    """The prepared machines of one process.

    Args:
        base: a folder for the snapshots, in which folders of ours are made, and removed at the end.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self._folders: dict[str, Path] = {}
        self._parked: list[_Parked] = []
        self._in_use = ExitStack()
        self._used: set[str] = set()

    @contextmanager
    def console(
        self, prepare: Callable[[Console], object], definition: GuestDefinition, options: Mapping[str, Any]
    ) -> Iterator[Console]:
        """A console that begins where ``prepare`` has left the guest.

        Args:
            prepare: is given the console of the guest that boots.
            definition: the guest.
            options: those of :func:`uartsim.blocking.open_console`.

        Raises:
            PreparationFailed: ``prepare`` has failed earlier.
            UsageError: the guest has no snapshots, or an option is wrong.
            UartsimError: the guest could not be started.
        """
        __tracebackhide__ = True
        if definition.kind != "qemu":
            raise UsageError(
                f"guest {definition.name!r} is of kind {definition.kind}, and only one of kind qemu can be restored for each "
                "test: call the function in the test"
                + (", which takes no time with clock='virtual'" if definition.kind == "script" else "")
            )
        booting = {name: value for name, value in options.items() if name not in _OF_START}
        key = self._prepare(prepare, definition, booting, options)
        if options.get("scenario") is not None:
            plan = staged(definition, options["scenario"])  # the snapshot is of such a machine, and fits no other
            definition = without_changes(plan.definition)
            of_machine = {name: value for name, value in plan.options.items() if name not in _OF_START}
            options, booting = {**plan.options, **options}, {**of_machine, **booting}
        options = {name: value for name, value in options.items() if name not in _BEFORE_BOOT}
        booting = {name: value for name, value in booting.items() if name not in _BEFORE_BOOT}
        if any(name not in booting and name not in _OF_CONSOLE for name in options):
            # another line, or recordings of the port: a machine of its own
            with open_console(definition, restore=self._folders[key] / _SNAPSHOT, **options) as console:
                yield console
            return
        with ExitStack() as stack:
            console, parked = self._restored(stack, key, definition, booting, options)
            try:
                yield console
            finally:
                stack.close()
                self._park(parked)

    def _restored(
        self,
        stack: ExitStack,
        key: str,
        definition: GuestDefinition,
        booting: dict[str, Any],
        options: Mapping[str, Any],
    ) -> tuple[Console, _Parked]:
        """A console of a machine that has gone back, or else of a new one."""
        __tracebackhide__ = True
        while (parked := next((each for each in self._parked if each.key == key), None)) is not None:
            self._parked.remove(parked)
            try:
                return stack.enter_context(held(_again(parked, options), "real")), parked
            except UsageError:
                self._park(parked)
                raise
            except UartsimError:  # an earlier test has broken it
                parked.switch_off()
        with ExitStack() as machine:
            first = machine.enter_context(open_console(definition, restore=self._folders[key] / _SNAPSHOT, **booting))
            parked = _Parked(key, first.snapshots.checkpoint(), machine.pop_all())
        try:
            return stack.enter_context(held(_again(parked, options), "real")), parked
        except BaseException:
            parked.switch_off()
            raise

    def _park(self, parked: _Parked) -> None:
        """Keep a machine for the next console; of too many, the one that has waited longest is switched off."""
        if not parked.runs:
            parked.switch_off()
            return
        self._parked.append(parked)
        while len(self._parked) > MOST_PARKED:
            self._parked.pop(0).switch_off()

    # -- preparing ------------------------------------------------------------------------------------------------

    def _prepare(
        self,
        prepare: Callable[[Console], object],
        definition: GuestDefinition,
        booting: dict[str, Any],
        options: Mapping[str, Any],
    ) -> str:
        """The key of the prepared guest; it is booted if no process has done so.

        Raises:
            PreparationFailed: that has failed earlier.
        """
        __tracebackhide__ = True
        key = _key(prepare, definition, booting)
        path = self._folders.setdefault(key, self._base / f"uartsim-{key}")
        with (
            open_own(str(path), "prepared machine", _REMEDY, timeout_s=BOOT_TIMEOUT_S) as folder,
            folder.locked(BOOT_TIMEOUT_S),
        ):
            names = folder.names()
            if _FAILED in names:
                with open(folder.open(_FAILED, os.O_RDONLY), encoding="utf-8") as file:
                    raise PreparationFailed(f"{file.read()}\n(That was in an earlier test; it is not tried again.)")
            if _SNAPSHOT not in names:
                wanted = {name: options[name] for name in _OF_CONSOLE if name in options and name != "record"}
                self._boot(prepare, key, folder, definition, {**booting, **wanted})
            if key not in self._used:
                self._used.add(key)
                self._in_use.enter_context(_used(path / _SNAPSHOT))
        return key

    def _boot(
        self,
        prepare: Callable[[Console], object],
        key: str,
        folder: OwnFolder,
        definition: GuestDefinition,
        options: dict[str, Any],
    ) -> None:
        """Boot a guest, prepare it, and keep it."""
        __tracebackhide__ = True
        what = f"{getattr(prepare, '__qualname__', prepare)}(), which prepares {definition.name},"
        try:
            with ExitStack() as stack:
                console = stack.enter_context(open_console(definition, **options))
                prepare(console)
                what = f"saving {definition.name}"
                checkpoint = console.snapshots.checkpoint()
                console.snapshots.save(Path(folder.path, _SNAPSHOT))
                self._park(_Parked(key, checkpoint, stack.pop_all()))
        except Exception as error:
            if _SNAPSHOT in folder.names():
                folder.remove(_SNAPSHOT)
            folder.write_new(_FAILED, f"{what} has failed: {type(error).__name__}: {error}".encode())
            raise

    def close(self) -> None:
        """Switch all machines off, and remove the snapshots that no other process uses."""
        while self._parked:
            self._parked.pop().switch_off()
        self._in_use.close()
        for path in self._folders.values():
            with (
                contextlib.suppress(UartsimError, OSError),
                open_own(str(path), "prepared machine", _REMEDY, reading=True) as folder,
                folder.locked(),
            ):
                if _SNAPSHOT in folder.names():
                    with _used(path / _SNAPSHOT, alone=True):  # UartsimError: another process does, and removes it
                        pass
                remove_tree(str(path))
        self._folders.clear()


@contextmanager
def _used(snapshot: Path, alone: bool = False) -> Iterator[None]:
    """A block that uses a snapshot; ``alone``: UartsimError if another process uses it."""
    fd = os.open(snapshot, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with (
        OwnFolder(str(snapshot), "snapshot", fd) as folder,
        folder.locked(0 if alone else BOOT_TIMEOUT_S, shared=not alone),
    ):
        yield


def _again(parked: _Parked, options: Mapping[str, Any]) -> Any:
    """Another console of a parked machine, as an async context manager."""
    given = {name: options[name] for name in _OF_CONSOLE if name in options}
    record, log = given.pop("record", None), given.pop("log", None)
    return open_restored(parked.checkpoint, partial(AsyncConsole, **given), record, log)


def _key(prepare: Callable[[Console], object], definition: GuestDefinition, booting: Mapping[str, Any]) -> str:
    """What tells one prepared guest from another, the same in all processes."""
    code = getattr(prepare, "__code__", None)
    where: object = (code.co_filename, code.co_firstlineno, prepare.__qualname__) if code is not None else None
    if where is None or getattr(prepare, "__closure__", None) or getattr(prepare, "__defaults__", None):
        where = (os.getpid(), id(prepare))  # what it does may depend on more than its text
    text = repr(
        (
            where,
            definition.name,
            str(definition.folder),
            sorted(definition.settings.items()),
            sorted(definition.options.items()),
            sorted(booting.items()),
        )
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]
