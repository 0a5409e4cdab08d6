"""Consoles live on the terminal while tests run: with ``-s -v``, and in one colour a machine.

The lines and steps are log records (``console/live_log.py``).  pytest's own live log (``--log-cli-level=INFO``) shows them like
any others.  With ``-s -v`` they are shown without it, with ``-s -vv`` also with the time of day.  A failed test's report has
them once, so its "Captured log" leaves them out.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Final

import pytest

#: The logger of lines and steps.
_LOGGER: Final = "uartsim.console"
#: The colours of machines, in the order in which these appear: bright enough on black and on white.
_COLOURS: Final = ("36", "35", "32", "33", "34", "31")


class LiveConsole:
    """Shows consoles live for one session, if that is asked for.

    Args:
        config: the session's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._logger = logging.getLogger(_LOGGER)
        self._handler: logging.Handler | None = None
        self._level = logging.NOTSET

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """Begin: the terminal and pytest's live log are set up by now."""
        config = self._config
        plugin = config.pluginmanager.get_plugin("logging-plugin")
        if captured := getattr(plugin, "report_handler", None):
            captured.addFilter(_is_not_ours)
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if terminal is None:
            return
        colours = _Colours(is_on=terminal.hasmarkup)
        live = getattr(plugin, "log_cli_handler", None)
        if isinstance(live, logging.StreamHandler):  # pytest's own live log is on
            live.setFormatter(_Coloured(live.formatter, colours))
        elif config.option.verbose > 0 and config.getoption("capture", None) == "no":
            self._handler = _TerminalHandler(terminal, colours, with_clock=config.option.verbose > 1)
            self._level = self._logger.level
            self._logger.addHandler(self._handler)
            self._logger.setLevel(logging.INFO)

    def pytest_unconfigure(self) -> None:
        """End."""
        if self._handler is not None:
            self._logger.removeHandler(self._handler)
            self._logger.setLevel(self._level)
            self._handler = None


def _is_not_ours(record: logging.LogRecord) -> bool:
    return not f"{record.name}.".startswith(f"{_LOGGER}.")


class _Colours:
    """The colour of each machine.

    Args:
        is_on: whether the terminal has colours.
    """

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on
        self._machines: dict[str, str] = {}

    def painted(self, text: str, machine: str) -> str:
        """A text in a machine's colour."""
        if not self._is_on:
            return text
        colour = self._machines.setdefault(machine, _COLOURS[len(self._machines) % len(_COLOURS)])
        return f"\x1b[{colour}m{text}\x1b[0m"


class _TerminalHandler(logging.Handler):
    """Writes records to pytest's terminal, each on lines of its own."""

    def __init__(self, terminal: Any, colours: _Colours, *, with_clock: bool) -> None:
        super().__init__()
        self._terminal = terminal
        self._colours = colours
        self._with_clock = with_clock

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            self._terminal.ensure_newline()
            clock = f"{time.strftime('%H:%M:%S', time.localtime(record.created))} " if self._with_clock else ""
            self._terminal.write_line(self._colours.painted(f"{clock}{record.getMessage()}", _machine(record)))
        except Exception:
            self.handleError(record)


class _Coloured(logging.Formatter):
    """The formatter of pytest's live log, with our records in the machine's colour."""

    def __init__(self, inner: logging.Formatter | None, colours: _Colours) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter()
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        text = self._inner.format(record)
        return text if _is_not_ours(record) else self._colours.painted(text, _machine(record))


def _machine(record: logging.LogRecord) -> str:
    return str(getattr(record, "machine", ""))
