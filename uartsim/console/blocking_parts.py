"""What belongs to a blocking console: its line, GRUB's menu on it, and what it can be made to suffer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from uartsim.console import stimuli
from uartsim.console.console_line import ConsoleLine as AsyncLine
from uartsim.console.expectations import Timeout
from uartsim.wire.faults import Fault

if TYPE_CHECKING:
    from uartsim.console.blocking_console import Console

_T = TypeVar("_T")


class Line:
    """The line of a console, for ordinary tests; the names are those of :class:`uartsim.console.console_line.ConsoleLine`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def _do(self, what: Callable[[AsyncLine], _T]) -> _T:
        __tracebackhide__ = True
        return self._console._read(lambda: what(self._console._console.line))

    def add_fault(self, fault: str | Fault) -> None:
        """From now on something is wrong with the line."""
        __tracebackhide__ = True
        self._do(lambda line: line.add_fault(fault))

    def clear_faults(self, kind: str | None = None) -> int:
        """End the faults of a kind, or all of them; returns how many were at work."""
        return self._do(lambda line: line.clear_faults(kind))

    @property
    def faults(self) -> list[Fault]:
        """The faults at work."""
        return self._do(lambda line: line.faults)

    @property
    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction and kind."""
        return self._do(lambda line: line.fault_counters)

    def reset_fault_counters(self) -> None:
        """Count from 0 on what faults do."""
        self._do(lambda line: line.reset_fault_counters())

    def set_modem(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR and RTS; None leaves a line as it is."""
        self._do(lambda line: line.set_modem(dtr=dtr, rts=rts))

    @property
    def modem(self) -> dict[str, bool]:
        """The modem lines at the guest's chip."""
        return self._do(lambda line: line.modem)

    @property
    def status(self) -> dict[str, Any]:
        """Everything about the port."""
        return self._do(lambda line: line.status)


class Grub:
    """GRUB on a console, for ordinary tests; the names are those of :class:`uartsim.console.grub.grub.Grub`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._grub = console._console.grub

    @property
    def entries(self) -> list[str]:
        """The titles that the menu shows now."""
        return self._console._read(lambda: self._grub.entries)

    @property
    def selected(self) -> str | None:
        """The title of the entry that is highlighted, or None."""
        return self._console._read(lambda: self._grub.selected)

    @property
    def countdown(self) -> int | None:
        """In how many seconds GRUB boots by itself, or None."""
        return self._console._read(lambda: self._grub.countdown)

    def wait_for_menu(self, timeout: Timeout = "default") -> list[str]:
        """Wait until the menu is drawn; returns its entries."""
        __tracebackhide__ = True
        entries: list[str] = self._console._call(self._grub.wait_for_menu, timeout)
        return entries

    def stop_countdown(self, timeout: Timeout = "default") -> None:
        """Wait for the menu, and have it wait."""
        __tracebackhide__ = True
        self._console._call(self._grub.stop_countdown, timeout)

    def select(
        self, pattern: str | re.Pattern[str] | Sequence[str | re.Pattern[str]], timeout: Timeout = "default"
    ) -> str:
        """Move the highlight to the first entry that matches; returns its title."""
        __tracebackhide__ = True
        title: str = self._console._call(self._grub.select, pattern, timeout)
        return title

    def boot(self, timeout: Timeout = "default") -> None:
        """Boot the highlighted entry, or what was edited."""
        __tracebackhide__ = True
        self._console._call(self._grub.boot, timeout)

    def edit(
        self,
        line: str | re.Pattern[str],
        append: str = "",
        timeout: Timeout = "default",
        *,
        replace: tuple[str | re.Pattern[str], str] | None = None,
        remove: str | re.Pattern[str] | None = None,
    ) -> None:
        """Change a line of the highlighted entry; see :meth:`uartsim.console.grub.grub.Grub.edit`."""
        __tracebackhide__ = True
        self._console._call(lambda: self._grub.edit(line, append, timeout, replace=replace, remove=remove))

    def command_line(self, timeout: Timeout = "default") -> None:
        """Open GRUB's command line."""
        __tracebackhide__ = True
        self._console._call(self._grub.command_line, timeout)


class Stimulus:
    """Something that goes on until :meth:`stop`, or to the end of a ``with`` block."""

    def __init__(self, console: Console, stimulus: stimuli.Stimulus) -> None:
        self._console = console
        self._stimulus = stimulus

    @property
    def lines(self) -> int:
        """How many lines the kernel has printed by it; 0 for what prints none."""
        return int(getattr(self._stimulus, "lines", 0))

    def stop(self) -> None:
        """It is over; more than once is fine."""
        self._console._read(self._stimulus.stop)

    def __enter__(self) -> Stimulus:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Stimuli:
    """What a console can be made to suffer, for ordinary tests; the names are :class:`uartsim.console.stimuli.Stimuli`'s."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def _start(self, what: Callable[[stimuli.Stimuli], stimuli.Stimulus]) -> Stimulus:
        __tracebackhide__ = True
        return Stimulus(self._console, self._console._read(lambda: what(self._console._console.stimuli)))

    def printk_storm(
        self, every: int | None = None, *, at: Iterable[int] = (), seed: int | None = None, **text: str
    ) -> Stimulus:
        """Whole lines of the kernel land between any two bytes that the guest sends."""
        __tracebackhide__ = True
        return self._start(lambda made: made.printk_storm(every, at=at, seed=seed, **text))

    def steal_line(self) -> Stimulus:
        """Another client takes the line by force."""
        __tracebackhide__ = True
        return self._start(lambda made: made.steal_line())

    def slow_guest(self, latency_s: float) -> Stimulus:
        """The guest serves an interrupt of its serial port only after so long, in seconds."""
        __tracebackhide__ = True
        return self._start(lambda made: made.slow_guest(latency_s))
