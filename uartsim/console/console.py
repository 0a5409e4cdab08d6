"""The console: expect, type, log in, run commands, and the buttons of the machine.  Async, on trio's clock.

The words are pexpect's where pexpect has them.  Two things differ: matching is on cleaned text (see
``text/cleaned_text.py``), and the answer does not depend on how the guest's output was cut into pieces (see
``text/matcher.py``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from uartsim.console.buttons import Buttons
from uartsim.console.console_line import ConsoleLine
from uartsim.console.console_readings import ConsoleReadings
from uartsim.console.expect import Expect
from uartsim.console.expectations import Expectation, Match, Timeout, Unwanted
from uartsim.console.grub.grub import Grub
from uartsim.console.guest_agent import GuestAgent
from uartsim.console.login import Login
from uartsim.console.problems.problem_catalogue import Source
from uartsim.console.protocols import LineClient, MachineButtons
from uartsim.console.recovery import Recovery
from uartsim.console.sac.sac import Sac
from uartsim.console.session import Session
from uartsim.console.shell.run import LONGEST_OUTPUT, Runner
from uartsim.console.shell.shell_line import Result
from uartsim.console.shell.transfer import Progress, Transfer
from uartsim.console.snapshots import Snapshots
from uartsim.console.spawn import Spawn
from uartsim.console.stimuli import Stimuli
from uartsim.console.typing import KILL_LINE, Typing

if TYPE_CHECKING:
    from pexpect.fdpexpect import fdspawn

#: An error is reported at the caller's line: pytest leaves out the frames of this module.
__tracebackhide__ = True


class Console(ConsoleReadings):
    """One client of a line, in the hands of a test.  Made by ``open_console``.

    Besides the errors that are listed with each, all calls that send or wait raise ``GuestEnded`` (the guest has ended)
    and ``ConsoleClosed`` (the console was closed); those that wait raise ``ConsoleBusy`` (another wait is under way on this
    console) and ``ProblemFound`` (the guest has met a fatal problem, such as a kernel panic).

    Args:
        client: the line.
        machine: its buttons, or None where there are none.
        timeout: how long ``expect`` waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied by it, for slow machines.
        problems: additions to the package's catalogue of problems: files, or entries as mappings.
        allow: ids of problems that are to be ignored, such as ``linux.panic`` or ``linux.*``.

    Raises:
        UsageError: the time-out scale is not a positive number, an addition to the catalogue is wrong, or an id is unknown.
    """

    def __init__(
        self,
        client: LineClient,
        machine: MachineButtons | None = None,
        *,
        timeout: float | None = 30.0,
        timeout_scale: float = 1.0,
        problems: Source | Sequence[Source] | None = None,
        allow: Iterable[str] = (),
    ) -> None:
        self._session = Session(
            client, machine, timeout=timeout, timeout_scale=timeout_scale, problems=problems, allow=allow
        )
        self._expect = Expect(self._session)
        self._typing = Typing(self._session)
        self._buttons = Buttons(self._session)
        self._runner = Runner(self._session, self._typing)
        self._transfer = Transfer(self._session, self._typing, self._runner)

    async def expect(
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
        return await self._expect.expect(pattern, timeout, not_matching)

    async def expect_all(
        self,
        patterns: Sequence[str | re.Pattern[str]],
        timeout: Timeout = "default",
        *,
        not_matching: Unwanted = None,
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
        return await self._expect.expect_all(patterns, timeout, not_matching)

    async def expect_exact(
        self,
        pattern: Expectation | Sequence[Expectation],
        timeout: Timeout = "default",
        *,
        not_matching: Unwanted = None,
    ) -> Match:
        """Wait for a fixed text, or one of a list; the arguments and errors are those of :meth:`expect`.

        Text in ``not_matching`` is fixed too; expressions there are compiled ones.
        """
        return await self._expect.expect_exact(pattern, timeout, not_matching)

    async def wait_for_quiet(self, seconds: float = 1.0, timeout: Timeout = "default") -> None:
        """Wait until nothing has been sent in either direction for ``seconds``, and for that at most ``timeout`` seconds.

        Raises ExpectTimeout if it did not fall silent in time, and UsageError for a time of 0 or less.
        """
        await self._expect.wait_for_quiet(seconds, timeout)

    async def send(self, data: str | bytes) -> None:
        """Send characters to the guest, over the line at its speed; UsageError for what UTF-8 cannot write."""
        await self._typing.send(data)

    async def sendline(self, line: str | bytes = "") -> None:
        """Send characters and then Enter, which is ``\\r``; the errors are those of :meth:`send`."""
        await self._typing.sendline(line)

    async def type(
        self, text: str, verify: bool = True, *, kill: str = KILL_LINE, timeout: Timeout = "default"
    ) -> None:
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
        await self._typing.type(text, verify, kill, timeout)

    async def send_secret(self, secret: str, enter: bool = True) -> None:
        """Type a password and, unless ``enter`` is False, Enter: masked in the record, and never in a message.

        It is sent when the guest has been silent for a moment, so that what asks for it has switched its echo off.  The
        errors are those of :meth:`send`.
        """
        await self._typing.send_secret(secret, enter)

    async def login(
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
        await Login(self._session).login(user, password, timeout, new_password)

    async def run(
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
        return await self._runner.run(command, timeout, shell, max_output, check=check)

    async def resize(self, rows: int, columns: int, timeout: Timeout = "default") -> None:
        """Tell the guest's shell how large the terminal is (``stty``), and give :attr:`screen` that size.

        Raises:
            UsageError: an impossible size, or the guest has no ``stty``.
            ExpectTimeout, RunFailed, TypingFailed: ``stty`` could not be run; see :meth:`run`.
        """
        await self._runner.resize(rows, columns, timeout)

    async def put_file(
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
        await self._transfer.put_file(source, path, progress, timeout)

    async def get_file(self, path: str, progress: Progress | None = None, timeout: Timeout = None) -> bytes:
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
        return await self._transfer.get_file(path, progress, timeout)

    def spawn(self, **options: Any) -> fdspawn[Any]:
        """A pexpect ``fdspawn`` on a tty that carries this line, from what no match has consumed yet on.

        Its ``sendline`` ends with ``\\r``, as the Enter key does.  This console goes on to see what the guest sends;
        ``close()`` of the spawn ends it.  It blocks: in async code call its methods in a thread.  The options are those of
        ``fdspawn``: ``timeout``, ``encoding``, ``logfile``, ``maxread`` and others.

        Raises:
            UsageError: pexpect is not installed, or the clock is virtual: pexpect waits in real time.
            UartsimError: the system has no pty left.
        """
        return Spawn(self._session).spawn(**options)

    async def send_break(self, duration_s: float = 0.25) -> None:
        """Hold the line at space for so long, behind what was sent before; UsageError for 0 or less."""
        await self._buttons.send_break(duration_s)

    async def sysrq(self, key: str) -> None:
        """Linux's magic SysRq: a break, then a key, such as ``"h"`` for help; UsageError for no ASCII letter or digit."""
        await self._buttons.sysrq(key)

    async def nmi(self) -> None:
        """Press the machine's NMI button; UsageError where there is no machine."""
        await self._buttons.nmi()

    async def reset(self) -> None:
        """Press the machine's reset button, and read past what was sent before; UsageError where there is no machine."""
        await self._buttons.reset()

    async def pause(self) -> None:
        """Stop the machine's processor, as a cloud or a debugger does; UsageError where the guest is not in QEMU."""
        await self._buttons.pause()

    async def resume(self) -> None:
        """Let the machine's processor go on; UsageError where the guest is not in QEMU."""
        await self._buttons.resume()

    @property
    def grub(self) -> Grub:
        """GRUB's menu, wherever it is on this line."""
        return Grub(self._session)

    @property
    def recovery(self) -> Recovery:
        """The recovery procedures of distributions, and their set-ups of a serial console."""
        return Recovery(self._session, self._typing, self._runner)

    @property
    def stimuli(self) -> Stimuli:
        """Faults of this console's machine that a test can start."""
        return Stimuli(self._session)

    @property
    def line(self) -> ConsoleLine:
        """This end of the line: its faults, its modem lines, its counters; UsageError where there is no machine."""
        return ConsoleLine.of(self._session)

    @property
    def sac(self) -> Sac:
        """Windows' Special Administration Console: its commands, its channels, and the Command Prompt behind one."""
        return Sac(self._session, self._runner)

    @property
    def agent(self) -> GuestAgent:
        """The guest's agent, which runs commands and sets passwords without the line."""
        return GuestAgent(self._session)

    @property
    def snapshots(self) -> Snapshots:
        """Saving this console's machine, and going back to what it was."""
        return Snapshots(self._session, self._runner)

    def close(self) -> None:
        """Leave the line.  Further calls raise ``ConsoleClosed``; ``text``, ``raw`` and ``before`` stay readable."""
        self._session.close()

    async def follow(self) -> None:
        """Take in what the guest sends until it ends.  ``open_console`` runs this in the background."""
        await self._session.follow()
