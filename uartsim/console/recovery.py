"""Plays the procedures of a distribution on a console: catching GRUB's menu, editing the kernel's line, mending in a shell.

The procedures are data, in the manifests of the guests that have a table ``[distribution]``
(``uartsim/guest/distribution.py``).  They are played on whatever machine the console is of, which need not be that guest.
"""

from __future__ import annotations

import re
import shlex
from typing import Final

import trio

from uartsim.console.console_errors import (
    ExpectTimeout,
    GrubFailed,
    LoginFailed,
    RecoveryFailed,
    RunFailed,
    TypingFailed,
)
from uartsim.console.expect import Expect
from uartsim.console.expectations import Timeout
from uartsim.console.grub import grub_keys
from uartsim.console.grub.grub import Grub
from uartsim.console.grub.grub_editor import NoSuchLine
from uartsim.console.login import Login
from uartsim.console.session import Session
from uartsim.console.shell.run import LONGEST_OUTPUT, Runner
from uartsim.console.typing import Typing
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.guest.distribution import FILE_VERBS, Distribution, Procedure, Step
from uartsim.guest.manifest import near_matches

#: How often Esc is pressed while it is held, in seconds.
_HELD_S: Final = 0.2
#: How many lines of an entry are edited at most.
_MOST_LINES: Final = 50
#: Where a procedure expects a shell that asks for nothing: its prompt, and what may come in its place.
_PROMPT: Final = re.compile(r"(?m)^[\w\[\]().:/~@ -]{0,80}[#$] ?\Z")
_PRESS_ENTER: Final = re.compile(r"(?i)press enter for [^\n]*\n?[^\n]*control-d[^\n]*: *\Z")
_ASKED: Final = re.compile(r"(?im)^[^\n]*(?:\blogin|password for [^\n]*control-d[^\n]*): *\Z")
_NEW_PASSWORD: Final = re.compile(r"(?i)\bpassword: *\Z")
_CHANGED: Final = re.compile(r"(?i)updated successfully|password (?:updated|changed)")
_REFUSED: Final = re.compile(r"(?i)not found|unchanged|token [^\n]*error|do(?:es)? not [^\n]*|[^\n]*cannot[^\n]*")
#: What a step may meet that means that the machine does not do as the procedure expects.
_FAILURES: Final = (ExpectTimeout, GrubFailed, LoginFailed, RunFailed, TypingFailed)


class Recovery:
    """The procedures of distributions on a console: ``console.recovery``.

    Besides the errors that are listed, ``run`` raises ``GuestEnded``, ``ProblemFound``, ``ConsoleBusy`` and
    ``ConsoleClosed``, as all calls of the console do.

    Args:
        session: the console's session.
        typing: how it types.
        runner: how it runs commands.
    """

    def __init__(self, session: Session, typing: Typing, runner: Runner) -> None:
        self._session = session
        self._typing = typing
        self._runner = runner

    async def run(
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
        __tracebackhide__ = True
        about = _distribution(distribution)
        steps = _procedure(distribution, about, procedure)
        _check_passwords(procedure, steps, root_password, new_password)
        player = _Player(self._session, self._typing, self._runner, about.menu, timeout)
        player.password, player.new_password = root_password or "", new_password or ""
        for number, step in enumerate(steps.steps, 1):
            try:
                await player.play(step)
            except _FAILURES as error:
                where = f"step {number} of {len(steps.steps)} of {procedure!r}, {step.verb} {step.text!r}"
                raise RecoveryFailed(f"{where}: {error}", number) from error


def _distribution(name: str) -> Distribution:
    guest = find_guest(str(name))
    if guest.distribution is None:
        raise UsageError(f"guest {guest.name!r} has no table [distribution] in its manifest, and so no procedures")
    return guest.distribution


def _procedure(distribution: str, about: Distribution, name: str) -> Procedure:
    found = about.procedures.get(name) if isinstance(name, str) else None
    if found is None:
        raise UsageError(f"{distribution} has no procedure {name!r}{near_matches(str(name), about.procedures)}")
    if found.uses("by_hand"):
        raise UsageError(
            f"{name!r} has steps for a person, and cannot be played: 'uartsim guests {distribution}' shows it"
        )
    return found


def _check_passwords(name: str, steps: Procedure, root_password: str | None, new_password: str | None) -> None:
    """Check that the passwords are given that the procedure types.

    Raises:
        UsageError: one is missing, or is not text.
    """
    __tracebackhide__ = True
    verbs = [step.verb for step in steps.steps]
    changes = "passwd" in verbs
    logs_in_first = "login" in verbs and "passwd" not in verbs[: verbs.index("login")]
    for needed, given, what in (
        (changes, new_password, "new_password"),
        (logs_in_first, root_password, "root_password"),
    ):
        if given is None and needed:
            raise UsageError(f"{name!r} types a password: give {what}=")
        if given is not None and not (isinstance(given, str) and given.isprintable()):
            raise UsageError(f"{what} is not a text of printable characters")


class _Player:
    """One run of a procedure: what each verb does.

    Args:
        session, typing, runner: those of the console.
        menu: how GRUB's menu is caught.
        timeout: how long each step may take, in seconds.

    Attributes:
        password: root's.
        new_password: the one that root is to have.
    """

    def __init__(self, session: Session, typing: Typing, runner: Runner, menu: str, timeout: Timeout) -> None:
        self._session = session
        self._grub = Grub(session)
        self._expect = Expect(session)
        self._login = Login(session)
        self._typing = typing
        self._runner = runner
        self._menu = menu
        self._timeout = timeout
        self.password = ""
        self.new_password = ""

    async def play(self, step: Step) -> None:
        """Do what a step says."""
        __tracebackhide__ = True
        match step.verb:
            case "catch":
                await self._catch()
            case "select":
                await self._grub.select(step.text, self._timeout)
            case "append" | "replace" | "remove":
                await self._edit(step)
            case "boot":
                await self._grub.boot(self._timeout)
            case "login":
                await self._login.login(step.text, self.password, self._timeout, None)
            case "shell":
                await self._shell()
            case "expect":
                await self._expect.expect(step.text, self._timeout)
            case "type":
                await self._typing.sendline(step.text)
            case "passwd":
                await self._passwd(step.text)
            case _:
                await self._run(file_command(step) if step.verb in FILE_VERBS else step.text)

    async def _catch(self) -> None:
        """Stop GRUB at its menu; where the distribution hides it, with Esc pressed all the time until it is drawn."""
        __tracebackhide__ = True
        if self._menu == "any key":
            await self._grub.stop_countdown(self._timeout)
            return
        failure: Exception | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._hold_escape)
            try:
                await self._grub.wait_for_menu(self._timeout)
            except _FAILURES as error:  # not out of the nursery, which would wrap it
                failure = error
            nursery.cancel_scope.cancel()
        if failure is not None:
            raise failure
        await self._grub.stop_countdown(self._timeout)

    async def _hold_escape(self) -> None:
        while True:
            await self._session.send(grub_keys.ESCAPE)
            await trio.sleep(_HELD_S)

    async def _edit(self, step: Step) -> None:
        __tracebackhide__ = True
        word = rf"(?<!\S){re.escape(step.text)}(?!\S)"
        if step.verb == "remove":
            await self._grub.edit(step.in_line, timeout=self._timeout, remove=rf" *{word}")
        elif step.verb == "replace":
            by = step.by.replace("\\", "\\\\")
            await self._grub.edit(step.in_line, timeout=self._timeout, replace=(word, by))
        else:
            await self._grub.edit(step.in_line, f" {step.text}", self._timeout)
        if not step.every:
            return
        # the lines that match and do not end with the text yet
        others = rf"^(?!.*{word}\s*$)(?=.*(?:{step.in_line}))"
        for _ in range(_MOST_LINES):
            try:
                await self._grub.edit(others, f" {step.text}", self._timeout)
            except NoSuchLine:
                return

    async def _shell(self) -> None:
        __tracebackhide__ = True
        found = await self._expect.expect([_PROMPT, _PRESS_ENTER, _ASKED], self._timeout)
        if found.index == 1:
            await self._typing.sendline("")
            found = await self._expect.expect([_PROMPT, _PRESS_ENTER, _ASKED], self._timeout)
        if found.index != 0:
            asked = found.after.strip().rpartition("\n")[2]
            raise LoginFailed(f"a shell without a password was expected, and {asked!r} came{self._session.evidence()}")

    async def _passwd(self, user: str) -> None:
        __tracebackhide__ = True
        await self._runner.run("true", self._timeout, "auto", LONGEST_OUTPUT)
        await self._typing.sendline(f"passwd {shlex.quote(user)}")
        for _ in range(2):
            if (await self._expect.expect([_NEW_PASSWORD, _REFUSED], self._timeout)).index == 1:
                raise self._refusal()
            await self._typing.send_secret(self.new_password, True)
        if (await self._expect.expect([_CHANGED, _REFUSED], self._timeout)).index == 1:
            raise self._refusal()
        if user == "root":
            self.password = self.new_password

    def _refusal(self) -> RunFailed:
        return RunFailed(f"passwd refuses the new password{self._session.evidence()}")

    async def _run(self, command: str) -> None:
        __tracebackhide__ = True
        result = await self._runner.run(command, self._timeout, "auto", LONGEST_OUTPUT)
        if result.status:
            output = result.output.strip()[-1000:]
            raise RunFailed(f"{command!r} ended with status {result.status}: {output or 'it printed nothing'}")


def file_command(step: Step) -> str:
    """The command for a Unix shell that changes a file as a step says."""
    file = shlex.quote(step.file)
    if step.verb == "ensure":
        line = shlex.quote(step.text)
        return f"grep -qxF {line} {file} || printf '%s\\n' {line} >> {file}"
    name, _, _ = step.text.partition("=")
    pattern = f"^ *{re.escape(name)}="
    if step.verb == "comment":
        return f"sed -i 's/{pattern}/#&/' {file}"
    line = shlex.quote(step.text)
    change = shlex.quote("s|" + pattern + ".*|" + re.sub(r"([\\&|])", r"\\\1", step.text) + "|")
    return (
        f"if grep -q {shlex.quote(pattern)} {file}; then sed -i {change} {file}; "
        f"else printf '%s\\n' {line} >> {file}; fi"
    )
