"""The plugin's options.

Each comes from one definition: a flag (``--uartsim-guest``), a line in the ini file (``uartsim_guest``) and an environment
variable (``UARTSIM_GUEST``).  The flag wins over the environment, and that over the ini file.  All are read once, when the
session is configured: what a test does to the environment or to its folder afterwards changes none.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import pytest

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off", "")
#: As many digits as a seed may have: it is below 2^64.
_SEED_DIGITS: Final = 19
#: As many digits as a number of sessions may have.
_COUNT_DIGITS: Final = 4
#: Since this version of pytest, a line of a TOML file may be of one of several types.
_UNIONS_SINCE: Final = (9, 2)
#: The values of the session's options by their names, and by what these are known to pytest-xdist's workers.
_VALUES: Final = pytest.StashKey[dict[str, Any]]()
_OF_CONTROLLER: Final = "uartsim_options"


class Option(NamedTuple):
    """One option in its three forms.

    Attributes:
        name: after the prefix, with dashes.
        default: its value where nothing is said; an option whose default is a bool is a switch.
        help: one sentence.
        metavar: what stands for its value in the help.
        choices: the only values allowed, where there are few.
        joined_by: if the flag may be repeated: what is between the parts in the one value.
        convert: makes the value of a text; ValueError says what to use instead.
        is_path: whether it is a path, which is relative to the folder in which pytest was started.
    """

    name: str
    default: Any
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    joined_by: str = ""
    convert: Callable[[str], Any] = str
    is_path: bool = False

    @property
    def flag(self) -> str:
        """Its flag on pytest's command line."""
        return f"--uartsim-{self.name}"

    @property
    def ini(self) -> str:
        """Its name in the ini file."""
        return f"uartsim_{self.name.replace('-', '_')}"

    @property
    def environment(self) -> str:
        """Its environment variable."""
        return self.ini.upper()

    def add_to(self, parser: pytest.Parser) -> None:
        """Offer the flag and the line of the ini file."""
        group = parser.getgroup("uartsim", "uartsim: virtual serial consoles")
        default = "none" if self.default in ("", {}) else self.default
        text = f"{self.help} (environment: {self.environment}, ini: {self.ini}, default: {default})"
        if isinstance(self.default, bool):
            group.addoption(self.flag, dest=self.ini, action="store_const", const="true", default=None, help=text)
        else:
            action = "append" if self.joined_by else "store"
            group.addoption(self.flag, dest=self.ini, action=action, metavar=self.metavar, default=None, help=text)
        several: Any = str | bool | int | float if pytest.version_tuple >= _UNIONS_SINCE else None
        parser.addini(self.ini, self.help, several, default=None)

    def value(self, config: pytest.Config) -> Any:
        """The option's value, as it was when the session was configured."""
        return config.stash[_VALUES][self.name]

    def read(self, config: pytest.Config) -> Any:
        """The value that is given now.

        Raises:
            pytest.UsageError: it cannot be understood; the message says where it was given.
        """
        places = (
            (self.flag, config.getoption(self.ini)),
            (self.environment, os.environ.get(self.environment)),
            (f"{self.ini} in the ini file", config.getini(self.ini)),
        )
        for place, given in places:
            if given is not None:
                text = self.joined_by.join(given) if isinstance(given, list) else str(given)
                value = self._converted(place, text)
                return os.path.abspath(config.invocation_params.dir / value) if self.is_path and value else value
        return self.default

    def _converted(self, place: str, text: str) -> Any:
        from uartsim.printable import quoted

        if self.choices and text not in self.choices:
            raise pytest.UsageError(f"{place} is {quoted(text)}: use {' or '.join(self.choices)}")
        try:
            return (_truth if isinstance(self.default, bool) else self.convert)(text)
        except ValueError as error:
            raise pytest.UsageError(f"{place} is {quoted(text)}: {error}") from None


def _truth(text: str) -> bool:
    if text.strip().lower() not in _TRUE + _FALSE:
        raise ValueError("use true or false")
    return text.strip().lower() in _TRUE


def _factor(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError("use a factor above 0, such as 3")
    return number


def _seed(text: str) -> int:
    if text.strip() == "random":
        return int.from_bytes(os.urandom(4), "big")
    if not (text.isascii() and text.isdigit() and len(text) <= _SEED_DIGITS):
        raise ValueError(f"use a whole number from 0 to {10**_SEED_DIGITS - 1}, or random")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS and int(text)):
        raise ValueError(f"use a whole number from 1 to {10**_COUNT_DIGITS - 1}")
    return int(text)


def _guests(text: str) -> str:
    guests = dict.fromkeys(name.strip() for name in text.replace("\n", ",").split(",") if name.strip())
    if not guests:
        raise ValueError("name a guest, such as demo")
    return ",".join(guests)


def _settings(text: str) -> dict[str, str]:
    settings = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise ValueError("write KEY=VALUE, such as grub_timeout=0")
        settings[key.strip()] = value.strip()
    return settings


GUEST = Option(
    "guest",
    "demo",
    "guest of consoles: a name of the catalogue or a folder; several, with commas between them: each test runs with each",
    "NAME",
    joined_by=",",
    convert=_guests,
)
SET = Option(
    "set",
    {},
    "setting of the guest for all tests, KEY=VALUE, under those of a mark; may be repeated; the environment variable and "
    "the ini file have one a line",
    "KEY=VALUE",
    joined_by="\n",
    convert=_settings,
)
STRICT = Option("strict", False, "a test that lacks something fails instead of being skipped")
SCALE = Option("timeout-scale", 1.0, "multiply all time-outs of consoles, for slow machines", "FACTOR", convert=_factor)
CLOCK = Option(
    "clock",
    "real",
    "clock of consoles: real, or virtual, which advances only while a call waits (for guests that are scripts)",
    "{real,virtual}",
    ("real", "virtual"),
)
KEEP = Option(
    "keep", "", "save the machine of each test that fails in a folder of its own in this folder", "FOLDER", is_path=True
)
ARTIFACTS = Option("artifacts", "", "folder for the logs, recordings and pages of tests", "DIR", is_path=True)
RECORD = Option("record", "failed", "of which tests these are kept", "{failed,all,none}", ("failed", "all", "none"))
RUNS = Option("artifacts-runs", 10, "of how many sessions that folder keeps them: the newest", "NUMBER", convert=_count)
TRACE = Option(
    "trace", False, "let every machine write a trace of its registers and line beside the logs, kept of the same tests"
)
VCD = Option("vcd", False, "let every machine write a waveform of its pins beside the logs, kept of the same tests")
SEED = Option(
    "seed",
    0,
    "seed of faults that are given none, and of the fixture uartsim_seed: a whole number, or random",
    "NUMBER",
    convert=_seed,
)
ATTACH = Option(
    "attach", False, "stop where a test fails, or calls uartsim_attach(), and say at which pty its console can be used"
)
OPTIONS = (GUEST, SET, STRICT, SCALE, CLOCK, KEEP, SEED, ATTACH, ARTIFACTS, RECORD, RUNS, TRACE, VCD)


def read_options(config: pytest.Config) -> None:
    """Read all options, for the whole session; a worker of pytest-xdist's has those of its controller.

    Raises:
        pytest.UsageError: one cannot be understood; the message says where it was given.
    """
    of_controller: dict[str, Any] | None = getattr(config, "workerinput", {}).get(_OF_CONTROLLER)
    config.stash[_VALUES] = of_controller or {option.name: option.read(config) for option in OPTIONS}


def tell_worker(config: pytest.Config, workerinput: dict[str, Any]) -> None:
    """Tell a worker of pytest-xdist's the options of the session."""
    workerinput[_OF_CONTROLLER] = config.stash[_VALUES]


def chosen_guests(config: pytest.Config) -> list[str]:
    """The guests of consoles that are told none, one or several."""
    text: str = GUEST.value(config)
    return text.split(",")
