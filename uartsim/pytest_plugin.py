"""The pytest plugin: a console as a fixture, and the guest's last words in the report of a failure.

Nothing but the standard library and pytest is imported until a fixture is used.

Options come from one definition each: a flag (``--uartsim-guest``), a line in the ini file (``uartsim_guest``) and an
environment variable (``UARTSIM_GUEST``).  The flag wins over the environment, and that over the ini file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console
    from uartsim.console.prepared_machines import PreparedMachines

#: How many lines of a console the report of a failure shows.
REPORTED_LINES: Final = 40
_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off", "")


@dataclass(frozen=True)
class _Option:
    """One option in its three forms.

    Attributes:
        name: after the prefix, with dashes.
        default: its value where nothing is said; its type is the option's.
        help: one sentence.
        metavar: what stands for its value in the help.
        choices: the only values allowed, where there are few.
    """

    name: str
    default: str | bool | float
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        return f"--uartsim-{self.name}"

    @property
    def ini(self) -> str:
        return f"uartsim_{self.name.replace('-', '_')}"

    @property
    def environment(self) -> str:
        return self.ini.upper()

    def add_to(self, parser: pytest.Parser) -> None:
        group = parser.getgroup("uartsim", "uartsim: virtual serial consoles")
        text = f"{self.help} (environment: {self.environment}, ini: {self.ini}, default: {self.default})"
        if isinstance(self.default, bool):
            group.addoption(self.flag, dest=self.ini, action="store_const", const="true", default=None, help=text)
        else:
            group.addoption(self.flag, dest=self.ini, metavar=self.metavar, default=None, help=text)
        parser.addini(self.ini, self.help, default=None)

    def value(self, config: pytest.Config) -> Any:
        """The option's value.

        Raises:
            pytest.UsageError: it cannot be understood; the message says where it was given.
        """
        places = (
            (self.flag, config.getoption(self.ini)),
            (self.environment, os.environ.get(self.environment)),
            (f"{self.ini} in the ini file", config.getini(self.ini)),
        )
        for place, text in places:
            if text is not None:
                return self._converted(place, text)
        return self.default

    def _converted(self, place: str, text: str) -> Any:
        if isinstance(self.default, bool):
            if text.strip().lower() in _TRUE + _FALSE:
                return text.strip().lower() in _TRUE
            raise pytest.UsageError(f"{place} is {text!r}: use true or false")
        if isinstance(self.default, float):
            try:
                number = float(text)
            except ValueError:
                number = 0.0
            if 0 < number < float("inf"):
                return number
            raise pytest.UsageError(f"{place} is {text!r}: use a factor above 0, such as 3")
        if self.choices and text not in self.choices:
            raise pytest.UsageError(f"{place} is {text!r}: use {' or '.join(self.choices)}")
        return text


_GUEST = _Option("guest", "demo", "guest of the console fixture: a name of the catalogue or a folder", "NAME")
_STRICT = _Option("strict", False, "a test that lacks something fails instead of being skipped")
_SCALE = _Option("timeout-scale", 1.0, "multiply all time-outs of consoles, for slow machines", "FACTOR")
_CLOCK = _Option(
    "clock",
    "real",
    "clock of consoles: real, or virtual, which advances only while a call waits (for guests that are scripts)",
    "{real,virtual}",
    ("real", "virtual"),
)
_KEEP = _Option("keep", "", "save the machine of each test that fails in a folder of its own in this folder", "FOLDER")
_OPTIONS = (_GUEST, _STRICT, _SCALE, _CLOCK, _KEEP)

_consoles = pytest.StashKey[list[tuple[str, "Console"]]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the options."""
    for option in _OPTIONS:
        option.add_to(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark and check the options."""
    config.addinivalue_line(
        "markers",
        "uartsim(guest=NAME, settings={...}, timeout=SECONDS, clock='real' or 'virtual', allow=[...], uart=CHIP, "
        "record=FILE, rate=..., flow=..., fault=..., restore=FOLDER or a function, "
        "scenario=NAME, ...): what the console fixture starts, "
        "how long it waits, in which time, which problems are ignored, what the line is like, and where it begins; the "
        "options of open_console()",
    )
    for option in _OPTIONS:
        option.value(config)


@pytest.fixture(scope="session")
def _uartsim_prepared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PreparedMachines]:
    """The machines that were booted once for many tests; the workers of pytest-xdist share them."""
    from uartsim.console.prepared_machines import PreparedMachines

    base = tmp_path_factory.getbasetemp()
    machines = PreparedMachines(base.parent if hasattr(request.config, "workerinput") else base)
    yield machines
    machines.close()


@pytest.fixture
def uartsim_console_factory(request: pytest.FixtureRequest) -> Iterator[Callable[..., Console]]:
    """Makes consoles, each with a machine of its own; all are switched off at the end of the test.

    ``uartsim_console_factory(guest=None, *, settings=None, timeout=30, clock=None, ...)``: what is not given comes from
    the options; the others are those of ``uartsim.open_console()``.  ``restore`` may also be a function: then the guest is
    booted once in the session, given to this function as a console, and each console begins where it has left the guest.
    """
    with ExitStack() as stack:

        def make(
            guest: Any = None,
            *,
            settings: Mapping[str, Any] | None = None,
            timeout: float | None = 30.0,
            clock: str | None = None,
            **options: Any,
        ) -> Console:
            __tracebackhide__ = True
            from uartsim.console.console_options import check_options

            check_options("uartsim_console_factory()", options)
            clock = clock if clock is not None else _CLOCK.value(request.config)
            return _start(request, stack, guest, settings, {"timeout": timeout, "clock": clock, **options})

        yield make


@pytest.fixture
def console(request: pytest.FixtureRequest, uartsim_console_factory: Callable[..., Console]) -> Console:
    """The console of a fresh machine: ``console.login()``, ``console.expect("...")``, ``console.sendline("...")``.

    The machine is the guest of ``--uartsim-guest`` (``demo`` unless said otherwise), or of
    ``@pytest.mark.uartsim(guest="...", settings={...}, clock="virtual")``.  It is switched off after the test.
    """
    __tracebackhide__ = True
    from uartsim.console.console_options import check_options

    wanted: dict[str, Any] = {}
    for mark in reversed(list(request.node.iter_markers("uartsim"))):
        if mark.args:
            raise TypeError(f"mark uartsim takes no {', '.join(map(repr, mark.args))}: write guest=... and so on")
        check_options("mark uartsim", mark.kwargs, more=("guest",))
        wanted |= mark.kwargs
    return uartsim_console_factory(wanted.pop("guest", None), **wanted)


def _start(
    request: pytest.FixtureRequest,
    stack: ExitStack,
    guest: Any,
    settings: Mapping[str, Any] | None,
    options: dict[str, Any],
) -> Console:
    __tracebackhide__ = True
    from uartsim import blocking
    from uartsim.errors import UartsimError
    from uartsim.guest.catalogue import GuestDefinition, find_guest
    from uartsim.printable import printable

    config = request.config
    try:
        definition = guest if isinstance(guest, GuestDefinition) else find_guest(str(guest or _GUEST.value(config)))
        missing = [text for need in definition.needs if (text := need.missing()) is not None]
        if missing:
            _cannot(config, f"guest {definition.name!r} cannot start here: {'; '.join(missing)}")
        options.setdefault("timeout_scale", _SCALE.value(config))
        restore = options.get("restore")
        if callable(restore):
            _check_real(options)
            if settings:
                definition = definition.with_settings({key: str(value) for key, value in settings.items()})
            prepared: PreparedMachines = request.getfixturevalue("_uartsim_prepared")
            options = {key: value for key, value in options.items() if key not in ("restore", "clock")}
            started: AbstractContextManager[Console] = prepared.console(restore, definition, options)
        else:
            started = blocking.open_console(definition, settings=settings, **options)
        opened = stack.enter_context(started)
        request.node.stash.setdefault(_consoles, []).append((definition.name, opened))
        return opened
    except UartsimError as error:
        failure = printable(str(error))
    pytest.fail(failure, pytrace=False)  # out here, so that the report does not have it twice


def _check_real(options: Mapping[str, Any]) -> None:
    """UsageError if the clock is virtual, in which no guest runs that could be restored."""
    from uartsim.errors import UsageError

    if options.get("clock") == "virtual":
        raise UsageError(
            "restore is a function and the clock is virtual: a guest that runs in virtual time boots in no time, so call the "
            "function in the test; other guests need clock='real'"
        )


def _cannot(config: pytest.Config, why: str) -> None:
    __tracebackhide__ = True
    if _STRICT.value(config):
        pytest.fail(f"{why} ({_STRICT.flag} is on)", pytrace=False)
    pytest.skip(why)


# -- the report of a failure ------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the last lines of each console to the report of a failed test, and to its JUnit properties."""
    consoles = item.stash.get(_consoles, [])
    failed = call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception)
    sections = [(f"uartsim console: {name}", _tail(console)) for name, console in consoles] if failed else []
    if failed and call.when == "call":
        sections += [(f"uartsim disk: {name}", kept) for name, console in consoles if (kept := _keep_disk(console))]
    if failed and call.when == "call" and (kept := _KEEP.value(item.config)):
        sections += [(f"uartsim snapshot: {name}", _keep(item, kept, name, console)) for name, console in consoles]
    # Sections do not reach JUnit XML; properties do, if they are there before the report is made.
    item.user_properties += sections
    report = yield
    report.sections += sections
    return report


def _keep_disk(console: Console) -> str | None:
    """Keep what the guest of a test that has failed wrote to its disk; returns where it is, None if there is no such disk."""
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    try:
        return kept if (kept := console.snapshots.keep_disk()) is None else printable(kept)
    except UartsimError:
        return None  # the console is closed already


def _keep(item: pytest.Item, kept: str, name: str, console: Console) -> str:
    """Save the machine of a test that has failed; returns a sentence for the report."""
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    words = re.sub(r"[^\w.-]+", "-", item.nodeid.rpartition("/")[2]).strip("-")[:100]
    folder = os.path.join(os.path.abspath(kept), f"{words}-{os.getpid()}-{id(console):x}")
    try:
        console.snapshots.save(folder)
    except UartsimError as error:
        return f"the machine could not be saved: {printable(str(error).splitlines()[0])}"
    return f"saved in {folder}: 'uartsim run {name} --restore {folder}', with the same settings, goes on from there"


def _tail(console: Console) -> str:
    from uartsim.errors import UartsimError
    from uartsim.printable import printable

    try:
        lines = console.last_lines(REPORTED_LINES)
    except UartsimError as error:
        return str(error)
    return printable("\n".join(lines)) or "(the guest has sent nothing)"
