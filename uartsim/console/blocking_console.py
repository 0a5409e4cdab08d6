"""The console for blocking code.  Made by tools/derive_blocking.py.

Each call is handed to the console's background thread (``trio_thread.py``), and its outcome is awaited.  Call-backs, such
as ``progress``, are called on that thread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from uartsim.console.blocking_facets import ConsoleLine, Grub, Recovery, Stimuli
from uartsim.console.blocking_guest import GuestAgent, Sac
from uartsim.console.blocking_readings import ConsoleReadings
from uartsim.console.blocking_snapshots import Snapshots
from uartsim.console.console import Console as AsyncConsole
from uartsim.console.expectations import Expectation, Match, Timeout, Unwanted
from uartsim.console.shell.run import LONGEST_OUTPUT
from uartsim.console.shell.shell_line import Result
from uartsim.console.shell.transfer import Progress
from uartsim.console.trio_thread import TrioThread
from uartsim.console.typing import KILL_LINE

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class Console(ConsoleReadings):
    """A console, for blocking code; see :class:`uartsim.console.console.Console`.

    Args:
        made: the async one.
        thread: the thread that it lives on.
    """

    _async: AsyncConsole

    def __init__(self, made: AsyncConsole, thread: TrioThread) -> None:
        self._async = made
        self._thread = thread

    def expect(
        self,
        pattern: Expectation | Sequence[Expectation],
        timeout: Timeout = "default",
        *,
        not_matching: Unwanted = None,
    ) -> Match:
        """Wait until the guest sends what matches, and read up to its end.

        The echo of a line that was typed never matches: neither end of a match lies in one.

        Args:
            pattern: a regular expression, as text or compiled, or a list of them.  ``ExpectTimeout`` and
                ``GuestEnded`` (or pexpect's ``TIMEOUT`` and ``EOF``) in a list make these outcomes, not errors.
            timeout: seconds; None waits for ever.
            not_matching: what must not come before it: a regular expression, or a list of them.

        Raises:
            ExpectTimeout: it did not come in time; nothing was consumed.
            UnwantedOutput: something of ``not_matching`` came first; nothing was consumed.
            UsageError: an impossible pattern.
        """
        return self._thread.call(self._async.expect, pattern, timeout, not_matching=not_matching)

    def expect_all(
        self, patterns: Sequence[str | re.Pattern[str]], timeout: Timeout = "default", *, not_matching: Unwanted = None
    ) -> list[Match]:
        """Wait until all of several patterns have come, in any order, and read up to the end of the last.

        A piece of text stands for one of them only: two that are alike want it twice.

        Args:
            patterns: regular expressions, as text or compiled.
            timeout: seconds for all of them; None waits for ever.
            not_matching: what must not come before the last of them; see :meth:`expect`.

        Returns:
            The match of each, in the order of ``patterns``.

        Raises:
            ExpectTimeout: some did not come in time, which the message names; nothing was consumed.
            UnwantedOutput, UsageError: see :meth:`expect`.
        """
        return self._thread.call(self._async.expect_all, patterns, timeout, not_matching=not_matching)

    def expect_exact(
        self,
        pattern: Expectation | Sequence[Expectation],
        timeout: Timeout = "default",
        *,
        not_matching: Unwanted = None,
    ) -> Match:
        """Wait for a fixed text, or one of a list; the arguments and errors are those of :meth:`expect`.

        Text in ``not_matching`` is fixed too; expressions there are compiled ones.
        """
        return self._thread.call(self._async.expect_exact, pattern, timeout, not_matching=not_matching)

    def wait_for_quiet(self, seconds: float = 1.0, timeout: Timeout = "default") -> None:
        """Wait until nothing has been sent in either direction for ``seconds``, and for that at most ``timeout`` seconds.

        Raises ExpectTimeout if it did not fall silent in time, and UsageError for a time of 0 or less.
        """
        self._thread.call(self._async.wait_for_quiet, seconds, timeout)

    def send(self, data: str | bytes) -> None:
        """Send characters to the guest, over the line at its speed; UsageError for what UTF-8 cannot write."""
        self._thread.call(self._async.send, data)

    def sendline(self, line: str | bytes = "") -> None:
        """Send characters and then Enter, which is ``\\r``; the errors are those of :meth:`send`."""
        self._thread.call(self._async.sendline, line)

    def type(self, text: str, verify: bool = True, *, kill: str = KILL_LINE, timeout: Timeout = "default") -> None:
        """Type a text into a line that was empty, without Enter, and see that it came back as it was typed.

        Args:
            text: printable characters.
            verify: False types without looking, as :meth:`send` does.
            kill: what takes back the line that is being typed: Ctrl-U; ``"\\x1b"`` (Esc) in a UEFI shell.
            timeout: seconds for all; None for ever.

        Raises:
            TypingFailed: the guest echoes nothing, or something else however slowly the text is typed.
            ExpectTimeout: the echo was not complete in time.
            UsageError: control characters are in the text; they have no echo.
        """
        self._thread.call(self._async.type, text, verify, kill=kill, timeout=timeout)

    def send_secret(self, secret: str, enter: bool = True) -> None:
        """Type a password and, unless ``enter`` is False, Enter: masked in the record, and never in a message.

        It is sent when the guest has been silent for a moment, so that what asks for it has switched its echo off.  The
        errors are those of :meth:`send`.
        """
        self._thread.call(self._async.send_secret, secret, enter)

    def login(
        self,
        user: str | None = None,
        password: str | None = None,
        timeout: Timeout = "default",
        *,
        new_password: str | None = None,
    ) -> None:
        """Log in, whatever is on the line: a boot still running, a getty to come, a prompt, or a shell already.

        Returns with a shell's prompt read; its text is in ``before``.  Passwords are masked in the record.

        Args:
            user: the name; by default the account of the guest's seed, or else root.
            password: the password; by default that of the seed's account, or else toor, which our guests have for root.
            timeout: seconds; None waits for ever.
            new_password: what to answer where the guest demands another password; None: that is an error.

        Raises:
            LoginFailed: the guest refused, or wants a new password.
            ExpectTimeout: it did not come to a shell in time.
            UsageError: the name or the password is not text.
        """
        self._thread.call(self._async.login, user, password, timeout, new_password=new_password)

    def run(
        self,
        command: str,
        timeout: Timeout = "default",
        *,
        shell: str = "auto",
        max_output: int = LONGEST_OUTPUT,
        check: bool = False,
    ) -> Result:
        """Wait for a prompt, run a command there, and wait for its end; what was unread is read past.

        In a Unix shell the command may be anything that ``eval`` takes, of several lines and any length; its standard
        input is the terminal.  It is run once.  At a time-out it is left running: ``send("\\x03")`` interrupts it.

        Args:
            command: what to run.
            timeout: seconds; None for ever.
            shell: the kind of command line: ``"sh"`` a Unix shell, ``"grub"``, ``"u-boot"``, ``"sac"``, ``"cmd"``, ``"uefi"``;
                ``"auto"`` goes by the prompt.  ``"sh"`` also takes a line for a prompt that does not look like one.
            max_output: how much output is taken, in characters; up to 16 MiB.
            check: whether a status other than 0 is an error.

        Returns:
            Its output without echo and prompt, its status (None where the command line has none), and how long it took.

        Raises:
            ExpectTimeout: no prompt came in time, or the command did not end.
            RunFailed: something other than a shell reads input, or a shell that ``run`` cannot use; or it has failed.
            OutputTooLong: it printed more than ``max_output``.
            TypingFailed: it could not be typed.
            UsageError: a command that cannot be typed, or there is no such kind of command line.
        """
        return self._thread.call(self._async.run, command, timeout, shell=shell, max_output=max_output, check=check)

    def resize(self, rows: int, columns: int, timeout: Timeout = "default") -> None:
        """Tell the guest's shell how large the terminal is (``stty``), and give :attr:`screen` that size.

        Raises:
            UsageError: an impossible size, or the guest has no ``stty``.
            ExpectTimeout, RunFailed, TypingFailed: ``stty`` could not be run; see :meth:`run`.
        """
        self._thread.call(self._async.resize, rows, columns, timeout)

    def put_file(
        self,
        source: str | os.PathLike[str] | bytes,
        path: str,
        progress: Progress | None = None,
        timeout: Timeout = None,
    ) -> None:
        """Put a file into the guest, through the shell that it shows.

        What a transfer that fails has left in the guest is removed, which may take 10 s.

        Args:
            source: the file's path here, or its bytes.
            path: where it goes there; what is there is replaced when all has come.
            progress: called after each segment with how many bytes have been carried, and how many there are.
            timeout: seconds for all; None for as long as it takes.

        Raises:
            TransferFailed: it does not arrive whole, or cannot be written there.
            UsageError: ``source`` cannot be read, or ``path`` is not text.
            ExpectTimeout, RunFailed, TypingFailed: the guest's shell could not be used; see :meth:`run`.
        """
        self._thread.call(self._async.put_file, source, path, progress, timeout)

    def get_file(self, path: str, progress: Progress | None = None, timeout: Timeout = None) -> bytes:
        """Fetch a file from the guest, through the shell that it shows.

        Args:
            path: the file there; ``progress`` and ``timeout`` are those of :meth:`put_file`.

        Returns:
            Its bytes.

        Raises:
            TransferFailed: it does not arrive whole, or cannot be read there.
            UsageError: ``path`` is not text.
            ExpectTimeout, RunFailed, TypingFailed: the guest's shell could not be used; see :meth:`run`.
        """
        return self._thread.call(self._async.get_file, path, progress, timeout)

    def spawn(self, **options: Any) -> fdspawn[Any]:
        """A pexpect ``fdspawn`` on a tty that carries this line, from what no match has consumed yet on.

        Its ``sendline`` ends with ``\\r``, as the Enter key does.  This console goes on to see what the guest sends;
        ``close()`` of the spawn ends it.  It blocks: in async code call its methods in a thread.  The options are those of
        ``fdspawn``: ``timeout``, ``encoding``, ``logfile``, ``maxread`` and others.

        Raises:
            UsageError: pexpect is not installed, or the clock is virtual: pexpect waits in real time.
            UartsimError: the system has no pty left.
        """
        return self._thread.read(self._async.spawn, **options)

    def send_break(self, duration_s: float = 0.25) -> None:
        """Hold the line at space for so long, behind what was sent before; UsageError for 0 or less."""
        self._thread.call(self._async.send_break, duration_s)

    def sysrq(self, key: str) -> None:
        """Linux's magic SysRq: a break, then a key, such as ``"h"`` for help; UsageError for no ASCII letter or digit."""
        self._thread.call(self._async.sysrq, key)

    def nmi(self) -> None:
        """Press the machine's NMI button; UsageError where there is no machine."""
        self._thread.call(self._async.nmi)

    def reset(self) -> None:
        """Press the machine's reset button, and read past what was sent before; UsageError where there is no machine."""
        self._thread.call(self._async.reset)

    def pause(self) -> None:
        """Stop the machine's processor, as a cloud or a debugger does; UsageError where the guest is not in QEMU."""
        self._thread.call(self._async.pause)

    def resume(self) -> None:
        """Let the machine's processor go on; UsageError where the guest is not in QEMU."""
        self._thread.call(self._async.resume)

    @property
    def grub(self) -> Grub:
        """GRUB's menu, wherever it is on this line."""
        return Grub(self._async.grub, self._thread)

    @property
    def recovery(self) -> Recovery:
        """The recovery procedures of distributions, and their set-ups of a serial console."""
        return Recovery(self._async.recovery, self._thread)

    @property
    def stimuli(self) -> Stimuli:
        """Faults of this console's machine that a test can start."""
        return Stimuli(self._async.stimuli, self._thread)

    @property
    def line(self) -> ConsoleLine:
        """This end of the line: its faults, its modem lines, its counters; UsageError where there is no machine."""
        return ConsoleLine(self._async.line, self._thread)

    @property
    def sac(self) -> Sac:
        """Windows' Special Administration Console: its commands, its channels, and the Command Prompt behind one."""
        return Sac(self._async.sac, self._thread)

    @property
    def agent(self) -> GuestAgent:
        """The guest's agent, which runs commands and sets passwords without the line."""
        return GuestAgent(self._async.agent, self._thread)

    @property
    def snapshots(self) -> Snapshots:
        """Saving this console's machine, and going back to what it was."""
        return Snapshots(self._async.snapshots, self._thread)

    def close(self) -> None:
        """Leave the line.  Further calls raise ``ConsoleClosed``; ``text``, ``raw`` and ``before`` stay readable."""
        self._thread.read(self._async.close)
