"""What a console has beside its own verbs, such as GRUB's menu, for blocking code.  Made by tools/derive_blocking.py.

Each call is handed to the console's background thread (``trio_thread.py``), and its outcome is awaited.  Call-backs, such
as ``progress``, are called on that thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from uartsim.console.console_line import ConsoleLine as AsyncConsoleLine
from uartsim.console.expectations import Timeout
from uartsim.console.grub.grub import Grub as AsyncGrub
from uartsim.console.recovery import Recovery as AsyncRecovery
from uartsim.console.stimuli import KERNEL_TEXT
from uartsim.console.stimuli import PrintkStorm as AsyncPrintkStorm
from uartsim.console.stimuli import Stimuli as AsyncStimuli
from uartsim.console.stimuli import Stimulus as AsyncStimulus
from uartsim.console.stimuli import StolenLine as AsyncStolenLine
from uartsim.console.trio_thread import TrioThread
from uartsim.wire.faults import Fault

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class ConsoleLine:
    """The line of a console, for blocking code; see :class:`uartsim.console.console_line.ConsoleLine`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncConsoleLine

    def __init__(self, made: AsyncConsoleLine, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def set_speed(self, baud: int | None, characters: str = "8N1") -> None:
        """Set the speed of this end of the line, and the format of its characters, as ``picocom -b`` does.

        Where the guest uses another one, each end reads what the other's waveform looks like at its own bit times: garbage.

        Args:
            baud: bits a second; None for whatever the guest uses, which is the default.
            characters: word length, parity and stop bits, such as ``"7E1"``; without a speed they are the guest's too.

        Raises:
            UsageError: the speed or the format is impossible, or this console has no end of the line of its own.
            GuestEnded: the guest has ended.
        """
        self._thread.read(self._async.set_speed, baud, characters)

    def add_fault(self, fault: str | Fault) -> None:
        """Start a fault of the line.

        Args:
            fault: such as ``"noise:rate=1e-3,seed=7"`` or ``"dcd-drop:seconds=2"``; :data:`uartsim.wire.faults.FAULT_KINDS`
                lists the kinds.

        Raises:
            UsageError: the fault is unknown, or impossible at this rate; the message lists the faults.
            GuestEnded: the guest has ended.
        """
        self._thread.read(self._async.add_fault, fault)

    def clear_faults(self, kind: str | None = None) -> int:
        """End the faults of a kind, or all of them; returns how many there were.

        Raises:
            UsageError: the kind is unknown.
        """
        return self._thread.read(self._async.clear_faults, kind)

    @property
    def faults(self) -> list[Fault]:
        """The faults that are active."""
        return self._thread.read(lambda: self._async.faults)

    @property
    def fault_counters(self) -> dict[str, dict[str, dict[str, int]]]:
        """What faults have done, by direction (``"in"`` to the guest, ``"out"``) and kind."""
        return self._thread.read(lambda: self._async.fault_counters)

    def reset_fault_counters(self) -> None:
        """Reset :attr:`fault_counters` to 0."""
        self._thread.read(self._async.reset_fault_counters)

    @property
    def forwards(self) -> dict[int, int]:
        """Beside the serial line: the ports of 127.0.0.1 that lead to the guest, by the guest's ports (option ``forward``)."""
        return self._thread.read(lambda: self._async.forwards)

    def set_modem(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Drive DTR (the guest's DSR and DCD) and RTS (its CTS); None leaves a line as it is.

        Raises:
            UsageError: a value other than True, False or None.
            GuestEnded: the guest has ended.
        """
        self._thread.read(self._async.set_modem, dtr=dtr, rts=rts)

    @property
    def modem(self) -> dict[str, bool]:
        """The modem lines at the guest's chip: dtr and rts go out, cts, dsr, dcd and ri come in."""
        return self._thread.read(lambda: self._async.modem)

    @property
    def status(self) -> dict[str, Any]:
        """Everything about the port, as ``uartsim status NAME --json`` has it under ``com1``."""
        return self._thread.read(lambda: self._async.status)


class Grub:
    """GRUB on a console, for blocking code; see :class:`uartsim.console.grub.grub.Grub`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncGrub

    def __init__(self, made: AsyncGrub, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    @property
    def entries(self) -> list[str]:
        """The titles that the menu shows now; a long menu shows a part of them."""
        return self._thread.read(lambda: self._async.entries)

    @property
    def selected(self) -> str | None:
        """The title of the entry that is highlighted, or None if there is no menu."""
        return self._thread.read(lambda: self._async.selected)

    @property
    def countdown(self) -> int | None:
        """In how many seconds GRUB boots by itself, or None if it is not counting down."""
        return self._thread.read(lambda: self._async.countdown)

    def wait_for_menu(self, timeout: Timeout = "default") -> list[str]:
        """Wait until the menu is drawn; returns its entries.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more: a kernel has started, or there is a prompt to log in at.
        """
        return self._thread.call(self._async.wait_for_menu, timeout)

    def stop_countdown(self, timeout: Timeout = "default") -> None:
        """Wait for the menu, and stop its countdown.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more, or GRUB does not react to keys.
        """
        self._thread.call(self._async.stop_countdown, timeout)

    def select(
        self, pattern: str | re.Pattern[str] | Sequence[str | re.Pattern[str]], timeout: Timeout = "default"
    ) -> str:
        """Move the highlight to the first entry whose title matches, counted from the top; stops the countdown.

        If no entry of the menu matches, the submenu "Advanced options ..." is searched too, if there is one.  If no entry
        matches at all, the highlight is where it was.

        Args:
            pattern: a regular expression that is searched for in the title, or a list of them, of which all but the last are
                for submenus, each in the one before.
            timeout: how long to wait for the menu, in seconds.

        Returns:
            The entry's title.

        Raises:
            GrubFailed: no entry matches, GRUB does not react to keys, or the menu cannot come any more.
            ExpectTimeout: the menu did not come in time.
            UsageError: an expression does not compile, or the list is empty.
        """
        return self._thread.call(self._async.select, pattern, timeout)

    def boot(self, timeout: Timeout = "default") -> None:
        """Boot the highlighted entry, or open it if it is a submenu; in the editor, boot what was edited.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more, or GRUB does not react to keys.
        """
        self._thread.call(self._async.boot, timeout)

    def edit(
        self,
        line: str | re.Pattern[str],
        append: str = "",
        timeout: Timeout = "default",
        *,
        replace: tuple[str | re.Pattern[str], str] | None = None,
        remove: str | re.Pattern[str] | None = None,
    ) -> None:
        """Open the highlighted entry in the editor and change a line of it, such as the kernel's.

        :meth:`boot` then boots it; further edits before that accumulate.  An edit that fails changes nothing.

        Args:
            line: a regular expression that is searched for in the lines, such as ``r"^\\s*linux"``; a wrapped line is one
                line, and a tab in it is eight spaces.
            append: what to add at the end; printable characters.
            timeout: how long to wait for the menu, in seconds.
            replace: a regular expression and what replaces each match of it in the line, as for ``re.sub``:
                ``(r"console=\\S+", "console=ttyS0")``.
            remove: a regular expression for what is removed, such as ``" quiet"``.

        Raises:
            GrubFailed: the entry cannot be edited, no line matches, or the line does not have what is to be replaced or
                removed; or the menu cannot come any more.
            ExpectTimeout: the menu did not come in time.
            TypingFailed: the line could not be changed as wanted.
            UsageError: an expression does not compile, a text is not printable, or there is nothing to do.
        """
        self._thread.call(self._async.edit, line, append, timeout, replace=replace, remove=remove)

    def command_line(self, timeout: Timeout = "default") -> None:
        """Open GRUB's command line, where ``console.run("ls")`` then runs.

        Raises:
            ExpectTimeout: the menu did not come in time.
            GrubFailed: it cannot come any more, or GRUB does not react to keys.
        """
        self._thread.call(self._async.command_line, timeout)


class Recovery:
    """The procedures of distributions on a console, for blocking code; see :class:`uartsim.console.recovery.Recovery`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncRecovery

    def __init__(self, made: AsyncRecovery, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def run(
        self,
        distribution: str,
        procedure: str,
        timeout: Timeout = "default",
        *,
        root_password: str | None = None,
        new_password: str | None = None,
    ) -> None:
        """Play a procedure: a recovery from a start or reset of the machine on, a set-up in root's shell.

        Args:
            distribution: the guest whose manifest has the procedure, such as ``"rhel"``: a name in the catalogue or a path.
            procedure: its name, such as ``"rd.break"``; ``uartsim guests rhel`` lists them.
            timeout: how long each step may take, in seconds; None for ever.
            root_password: root's password, where the procedure logs in; a new one takes its place from then on.
            new_password: the password that root is to have, where the procedure changes it.

        Raises:
            RecoveryFailed: a step did not go as the procedure says; the message has the step, and what was there instead.
            UsageError: there is no such guest or procedure, it is one for a person, or a password is missing.
        """
        self._thread.call(
            self._async.run, distribution, procedure, timeout, root_password=root_password, new_password=new_password
        )


class Stimulus:
    """A stimulus that is at work, for blocking code; see :class:`uartsim.console.stimuli.Stimulus`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncStimulus

    def __init__(self, made: AsyncStimulus, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def stop(self) -> None:
        """End it; further calls have no effect."""
        self._thread.read(self._async.stop)

    def __enter__(self) -> Self:
        self._thread.read(self._async.__enter__)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.read(self._async.__exit__, kind, value, trace)


class PrintkStorm(Stimulus):
    """Kernel lines in what the guest sends, for blocking code; see :class:`uartsim.console.stimuli.PrintkStorm`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncPrintkStorm

    def __init__(self, made: AsyncPrintkStorm, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    @property
    def lines(self) -> int:
        """How many kernel lines it has inserted."""
        return self._thread.read(lambda: self._async.lines)


class StolenLine(Stimulus):
    """A line that another client holds, for blocking code; see :class:`uartsim.console.stimuli.StolenLine`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncStolenLine

    def __init__(self, made: AsyncStolenLine, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread


class Stimuli:
    """The faults of a machine that a test can start, for blocking code; see :class:`uartsim.console.stimuli.Stimuli`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncStimuli

    def __init__(self, made: AsyncStimuli, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def printk_storm(
        self, every: int | None = None, *, at: Iterable[int] = (), seed: int | None = None, text: str = KERNEL_TEXT
    ) -> PrintkStorm:
        """Insert whole kernel lines between bytes that the guest sends, as when the kernel prints while a program does.

        Their times continue those of the kernel's own last line.  Give one of ``every`` and ``at``.

        Args:
            every: insert a line after each this many bytes; with ``seed``, after 1 to ``2 * every - 1``.
            at: insert a line behind each of these bytes, counted from now; 0 is before the first.
            seed: makes the places random, and is their seed.
            text: the text of the lines.

        Raises:
            UsageError: neither or both were given, a number is out of range or not whole, or the line has no hub.
            GuestEnded: the guest has ended.
        """
        return PrintkStorm(
            self._thread.read(self._async.printk_storm, every, at=at, seed=seed, text=text), self._thread
        )

    def steal_line(self) -> StolenLine:
        """Let another client take the line by force; this console only watches, until :meth:`Stimulus.stop`.

        Raises:
            UsageError: the line has no hub.
            GuestEnded: the guest has ended.
        """
        return StolenLine(self._thread.read(self._async.steal_line), self._thread)

    def slow_guest(self, latency_s: float) -> Stimulus:
        """Delay the guest's interrupt handler for its serial port by ``latency_s`` seconds.

        A receiver of 16 characters overruns in 1.4 ms at 115200 baud, if the far end does not wait for room: open the
        console with ``strict_line=True`` to lose characters as a real line does.

        Raises:
            UsageError: a time of 0 or less or above an hour, there is no machine, or its guest has not opened its port.
            GuestEnded: the guest has ended.
        """
        return Stimulus(self._thread.read(self._async.slow_guest, latency_s), self._thread)
