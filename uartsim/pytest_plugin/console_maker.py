"""Opens the consoles of all fixtures: options, needs, and what is kept of each for reports.

A console is closed at the end of the fixture in whose set-up it was opened, or else at the end of the test that opened it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from uartsim.pytest_plugin.broken_boots import note_break, skip_if_broken
from uartsim.pytest_plugin.console_marks import Wanted, check_kinds
from uartsim.pytest_plugin.console_use import CURRENT_TEST, IN_SETUP, IS_ENDING
from uartsim.pytest_plugin.fault_seeds import with_seeds
from uartsim.pytest_plugin.given_settings import given_settings
from uartsim.pytest_plugin.machine_files import discard, place_files
from uartsim.pytest_plugin.mark_places import place_of_test
from uartsim.pytest_plugin.one_sentence import Mistake, skip_or_fail
from uartsim.pytest_plugin.opened_consoles import OpenedConsole, free_name, note_closed, note_opened, open_now
from uartsim.pytest_plugin.plugin_options import CLOCK, SCALE, SEED, chosen_guests

if TYPE_CHECKING:
    from _pytest.nodes import Node

    from uartsim.console.blocking_console import Console
    from uartsim.console.prepared_machines import PreparedMachines
    from uartsim.guest.catalogue import GuestDefinition

#: Options that say how a console looks at a guest, and not what the guest is.
_OF_LOOKING: Final = (
    "timeout",
    "timeout_scale",
    "problems",
    "allow",
    "record",
    "trace",
    "vcd",
    "log",
    "name",
    "line_policy",
)
#: The kinds of guests that have one line, which exists once.
_ELSEWHERE: Final = ("socket", "device")


def is_imported() -> bool:
    """Whether any console can have been opened in this process."""
    return "uartsim.console.console_errors" in sys.modules


class ConsoleMaker:
    """Opens consoles for the fixtures of a session.

    Args:
        config: pytest's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._prepared: PreparedMachines | None = None

    def close(self) -> None:
        """Switch off the machines that wait for another test."""
        if self._prepared is not None:
            self._prepared.close()

    def open_here(self, wanted: Wanted) -> Console:
        """Open a console that lives as long as the fixture that is being set up, or as the test that runs.

        Where neither is the case, as behind the ``yield`` of a fixture, nothing would close it: that is a mistake.
        """
        __tracebackhide__ = True
        setup = self._config.stash.get(IN_SETUP, [])
        test = self._config.stash.get(CURRENT_TEST, None)
        if setup:
            request = setup[-1]
            return self.open(request.node, request.fixturename or "", request.addfinalizer, wanted)
        if test is None or self._config.stash.get(IS_ENDING, False):
            when = "no test runs and no fixture is set up" if test is None else "the test is over"
            raise Mistake(f"uartsim_factory(): {when}: call it in a test, or in a fixture before its yield")
        return self.open(test, "", test.addfinalizer, wanted)

    def open(
        self, node: Node, fixture: str, at_end: Callable[[Callable[[], object]], object], wanted: Wanted
    ) -> Console:
        """Open a console.

        Args:
            node: what it belongs to.
            fixture: the fixture that is being set up; empty: a test opens it itself.
            at_end: is given what closes it.
            wanted: its options; what is not in them comes from pytest's.
        """
        __tracebackhide__ = True
        from uartsim.errors import UartsimError, UsageError
        from uartsim.printable import printable

        test = self._config.stash.get(CURRENT_TEST, None)
        definition = self.definition(wanted)
        options = self.options_of(wanted, definition)
        line = self._line_of(definition)
        key = key_of(definition, options)
        self._check_free(line, definition, fixture)
        if test is not None:
            skip_if_broken(test, key)
        name = free_name(node, str(options.get("name") or definition.name))
        is_new = "name" in options or not callable(options.get("restore"))  # a new machine, which can be called so
        if is_new:
            options["name"] = name
        files = place_files(self._config, node, fixture, name, Wanted(options, wanted.places))
        stack = ExitStack()
        try:
            console = stack.enter_context(self._started(definition, options))
        except UartsimError as error:
            failure = printable(str(error))
            place = wanted.place_for(failure) if isinstance(error, UsageError) else ""
            discard(self._config, files)
            if test is not None and _has_waited(error):
                note_break(test, key, definition.name, error)
        else:
            if not is_new:
                console._thread.read(console._async._session.rename, name)
            opened = OpenedConsole(name, definition.name, console, key, fixture, node, line, files)
            note_opened(opened)
            try:
                at_end(lambda: self._close(opened, stack))
            except BaseException:
                self._close(opened, stack)
                raise
            return console
        raise Mistake(failure, place)  # out here, so that the report does not have it twice

    def definition(self, wanted: Wanted) -> GuestDefinition:
        """The guest that a console is wanted of, whose options are of the right kinds.

        Fails for one that is unknown or has an impossible option, and skips where it cannot start.

        Whoever names a machine elsewhere means that one and no other, so what is missing for it is a failure.
        """
        __tracebackhide__ = True
        from uartsim.errors import UartsimError
        from uartsim.guest.catalogue import GuestDefinition, find_guest
        from uartsim.printable import printable

        check_kinds(wanted)
        guest = wanted.options.get("guest")
        if guest is None:
            guest = chosen_guests(self._config)[0]
        try:
            definition = guest if isinstance(guest, GuestDefinition) else find_guest(self._placed(str(guest)))
        except UartsimError as error:
            failure = printable(str(error))
        else:
            missing = [text for need in definition.needs if (text := need.missing()) is not None]
            failure = f"guest {definition.name!r} cannot start here: {'; '.join(missing)}" if missing else ""
            if missing and definition.kind not in _ELSEWHERE:
                skip_or_fail(self._config, failure)
            if not missing:
                return definition
        raise Mistake(failure, wanted.places.get("guest", ""))

    def _placed(self, guest: str) -> str:
        """A guest; a relative path that was there when pytest was started is found from wherever a test has gone."""
        if os.sep in guest and "\0" not in guest:
            started = self._config.invocation_params.dir / guest
            return str(started) if os.path.lexists(started) else guest
        return guest

    def options_of(self, wanted: Wanted, definition: GuestDefinition, clock: bool = True) -> dict[str, Any]:
        """The options of ``open_console()`` without the guest, and with what pytest's options say.

        Args:
            wanted: those that were asked for.
            definition: the guest.
            clock: whether the clock may be one of pytest's options.
        """
        options = {"timeout_scale": SCALE.value(self._config), **wanted.options}
        options.pop("guest", None)
        if given := given_settings(self._config, definition):
            options["settings"] = {**given, **(options.get("settings") or {})}
        if clock and options.get("clock") is None:
            options["clock"] = CLOCK.value(self._config)
        if options.get("fault"):
            options["fault"] = with_seeds(options["fault"], SEED.value(self._config))
        return options

    def _started(self, definition: GuestDefinition, options: dict[str, Any]) -> AbstractContextManager[Console]:
        """The console, as a context manager that starts its machine.

        Raises:
            UartsimError: an option is wrong.
        """
        __tracebackhide__ = True
        from uartsim import blocking

        settings = options.pop("settings", None)
        restore = options.get("restore")
        if not callable(restore):
            return blocking.open_console(definition, settings=settings, **options)
        _check_real(options)
        if settings:
            definition = definition.with_settings({key: str(value) for key, value in settings.items()})
        if self._prepared is None:
            from uartsim.console.prepared_machines import PreparedMachines

            self._prepared = PreparedMachines(_base_of(self._config))
        options = {key: value for key, value in options.items() if key not in ("restore", "clock")}
        return self._prepared.console(restore, definition, options)

    def _close(self, opened: OpenedConsole, stack: ExitStack) -> None:
        __tracebackhide__ = True
        note_closed(opened)
        stack.close()

    def _line_of(self, definition: GuestDefinition) -> str:
        """What a guest that is no machine of ours is reached by; empty: each console has a machine of its own."""
        from uartsim.guest.remote_address import line_key

        return line_key(definition) if definition.kind in _ELSEWHERE else ""

    def _check_free(self, line: str, definition: GuestDefinition, fixture: str) -> None:
        """Fail if another console has the one line of a guest that runs elsewhere."""
        __tracebackhide__ = True
        holder = next((opened for opened in open_now(self._config) if line and opened.line == line), None)
        if holder is not None:
            test = self._config.stash.get(CURRENT_TEST, None)
            first, second = (f"fixture {name}" if name else "the test itself" for name in (holder.fixture, fixture))
            raise Mistake(
                f"{second} wants the line of {definition.name!r}, which there is once, and {first} has it: use one of them",
                place_of_test(test) if test is not None else "",
            )


def _base_of(config: pytest.Config) -> Path:
    """A folder for the snapshots of guests that were booted once, which the workers of pytest-xdist share.

    Raises:
        UsageError: pytest has none.
    """
    from uartsim.errors import UsageError

    factory: pytest.TempPathFactory | None = getattr(config, "_tmp_path_factory", None)
    if factory is None:
        raise UsageError(
            "restore is a function, which needs pytest's folder for temporary files: leave out -p no:tmpdir"
        )
    base = factory.getbasetemp()
    return base.parent if hasattr(config, "workerinput") else base


def _check_real(options: Mapping[str, Any]) -> None:
    """UsageError if the clock is virtual, in which no guest runs that could be restored."""
    from uartsim.errors import UsageError

    if options.get("clock") == "virtual":
        raise UsageError(
            "restore is a function and the clock is virtual: a guest that runs in virtual time boots in no time, so call the "
            "function in the test; other guests need clock='real'"
        )


def _has_waited(error: BaseException) -> bool:
    """Whether an error of a start is one of a console that has waited for its guest."""
    from uartsim.console.console_errors import ExpectTimeout, GuestEnded, LoginFailed, ProblemFound

    return isinstance(error, ExpectTimeout | GuestEnded | LoginFailed | ProblemFound)


def key_of(definition: GuestDefinition, options: Mapping[str, Any]) -> str:
    """What tells a guest with its settings and options from others."""
    wanted = {name: value for name, value in options.items() if name not in _OF_LOOKING and value is not None}
    restore = wanted.pop("restore", None)
    return repr(
        (
            definition.name,
            str(definition.folder),
            sorted(definition.settings.items()),
            sorted(definition.options.items()),
            sorted((name, repr(value)) for name, value in wanted.items()),
            getattr(restore, "__qualname__", restore),
        )
    )
