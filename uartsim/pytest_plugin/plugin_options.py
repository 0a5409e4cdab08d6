"""The plugin's options.

Each comes from one definition: a flag (``--uartsim-guest``), a line in the ini file (``uartsim_guest``) and an environment
variable (``UARTSIM_GUEST``).  The flag wins over the environment, and that over the ini file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest

_TRUE: Final = ("1", "true", "yes", "on")
_FALSE: Final = ("0", "false", "no", "off", "")
#: As many digits as a seed may have: it is below 2^64.
_SEED_DIGITS: Final = 19
#: As many digits as a number of sessions may have.
_COUNT_DIGITS: Final = 4


@dataclass(frozen=True)
class Option:
    """One option in its three forms.

    Attributes:
        name: after the prefix, with dashes.
        default: its value where nothing is said; an option whose default is a bool is a switch.
        help: one sentence.
        metavar: what stands for its value in the help.
        choices: the only values allowed, where there are few.
        joined_by: if the flag may be repeated: what is between the parts in the one value.
        convert: makes the value of a text; ValueError says what to use instead.
    """

    name: str
    default: Any
    help: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    joined_by: str = ""
    convert: Callable[[str], Any] = str

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
                return self._converted(place, self.joined_by.join(text) if isinstance(text, list) else text)
        return self.default

    def _converted(self, place: str, text: str) -> Any:
        if self.choices and text not in self.choices:
            raise pytest.UsageError(f"{place} is {text!r}: use {' or '.join(self.choices)}")
        try:
            return (_truth if isinstance(self.default, bool) else self.convert)(text)
        except ValueError as error:
            raise pytest.UsageError(f"{place} is {text!r}: {error}") from None


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
    if not (text.isascii() and text.isdigit() and len(text) <= _SEED_DIGITS):
        raise ValueError("use a whole number from 0 on, or random")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _COUNT_DIGITS and int(text)):
        raise ValueError("use a whole number from 1 on")
    return int(text)


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
KEEP = Option("keep", "", "save the machine of each test that fails in a folder of its own in this folder", "FOLDER")
ARTIFACTS = Option("artifacts", "", "folder for the logs, recordings and pages of tests", "DIR")
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


def chosen_guests(config: pytest.Config) -> list[str]:
    """The guests of consoles that are told none, one or several.

    Raises:
        pytest.UsageError: none is named.
    """
    text: str = GUEST.value(config)
    guests = list(dict.fromkeys(name.strip() for name in text.replace("\n", ",").split(",") if name.strip()))
    if not guests:
        raise pytest.UsageError(f"{GUEST.flag} is {text!r}, which names no guest: use a name, such as demo")
    return guests


def draw_seed(config: pytest.Config) -> None:
    """Let the session's seed be one number from now on, also in the workers of pytest-xdist."""
    workerinput: dict[str, Any] = getattr(config, "workerinput", {})
    if SEED.ini in workerinput:
        config.option.uartsim_seed = workerinput[SEED.ini]
        return
    given = (config.getoption(SEED.ini), os.environ.get(SEED.environment), config.getini(SEED.ini))
    text = next((each for each in given if each is not None), "")
    if text.strip() == "random":
        config.option.uartsim_seed = str(int.from_bytes(os.urandom(4), "big"))
