"""Logging in, as a state machine that is driven by what is on the line.  No I/O, no clock.

The rules follow from what real gettys do.  agetty waits, discards what was typed before, and only then prompts; so
nothing is typed before there is a prompt.  agetty and login count attempts; so Enter is not sent blindly while the guest
is busy, and a name whose echo came back wrong is not followed by the password.  Kernel messages come anywhere, even
between a prompt and the cursor; they are removed first.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from uartsim.console.text.kernel_prefix import lift_kernel_lines

#: After how long a silence without anything to answer Enter is sent, because a prompt may have been missed, in seconds.
NUDGE_S: Final = 5.0
#: The same on the line of a machine that runs elsewhere and has sent nothing yet: it probably waits at a prompt.
FIRST_NUDGE_S: Final = 1.0
#: After how long a silence behind an unknown prompt a command is tried that a shell would answer, in seconds.
PROBE_S: Final = 1.0
#: After how many answers that led back to the first question the guest is taken to refuse.
_MOST_ROUNDS: Final = 4

#: The unfinished lines at which a name and a password are asked for.
LOGIN: Final = re.compile(r"(?i)(?:(?<!last )\blogin|\buser ?name): *\Z")
PASSWORD: Final = re.compile(r"(?i)\bpass(?:word|code|phrase)\b[^:\n]*: *\Z")
_REFUSED: Final = re.compile(
    r"(?i)^.*(?:login incorrect|authentication failure|permission denied|maximum number of tries exceeded"
    r"|account (?:is )?locked|has expired|cannot open session|not allowed|login failure).*$",
    re.MULTILINE,
)
_CHANGE: Final = re.compile(
    r"(?i)^.*(?:(?:required|need|must) to change your password|\(current\) unix password|current password:"
    r"|new password:).*$",
    re.MULTILINE,
)
#: sulogin asks for the password of root, or for Enter where root has none; its question ends with how to continue the boot.
MAINTENANCE: Final = re.compile(r"(?i)(?:control|ctrl)-d[^\n]*(?:: *|\. *|\) *)\Z")
_PRESS_ENTER: Final = re.compile(r"(?i)press enter for (?:maintenance|emergency shell)")
_NEW_PASSWORD: Final = re.compile(r"(?i)\bnew\b[^:\n]*password\b|\bre-?(?:type|enter)\b")
_REJECTED: Final = re.compile(r"(?im)^.*(?:bad password|do not match|weak password|token manipulation|too short).*$")
#: A shell's prompt; but a run of # is the frame of a message of the day.
_SHELL: Final = re.compile(r"(?:(?<!#)#|[$%>❯»]) ?\Z")
#: Stricter, for a line before anything was sent: a whole prompt of Debian, BusyBox or bash without a PS1.
SHELL_ALONE: Final = re.compile(r"\A(?:(?:\S*[\w.\-~/:@\])]+ ?)?[#$] ?|\(initramfs\) )\Z")
_BOOT_MENU: Final = re.compile(r"GNU GRUB|automatically in \d+s|Hit any key to stop autoboot")
#: A name was asked for: a boot that is quiet leaves the menu within what is looked at.
_PAST_MENU: Final = re.compile(r"(?i)(?<!last )\blogin: ")


class Does(Enum):
    """The kinds of steps."""

    WAIT = auto()
    SEND = auto()
    FINISH = auto()
    REFUSE = auto()


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done next.

    Attributes:
        does: the kind of step.
        text: what to send (Enter follows), or why it is refused.
        secret: whether the text is a password.
        until_quiet_s: for WAIT: look again when the line has been silent for this long, in seconds.
    """

    does: Does
    text: str = ""
    secret: bool = False
    until_quiet_s: float = NUDGE_S


class _State(Enum):
    LOOKING = "a login prompt"
    NAMED = "the password prompt"
    ANSWERED = "a shell prompt"
    PROBED = "the shell's answer"


class LoginDialogue:
    """One attempt to log in.

    Args:
        user: the name.
        password: the password.
        new_password: what to answer where a new one is demanded; None: that is an error.
        elsewhere: the machine runs elsewhere, perhaps for long already.
    """

    def __init__(self, user: str, password: str, new_password: str | None = None, *, elsewhere: bool = False) -> None:
        self.user = user
        self.password = password
        self.new_password = new_password
        self._elsewhere = elsewhere
        self._changing = False  # the guest has demanded a new password
        self._rounds = 0  # how many answers have led back to the first question
        self._state = _State.LOOKING
        self._slipped = False  # an answer is known to be wrong: its refusal does not concern the password
        self._marker = ""

    @property
    def waits_for(self) -> str:
        """What is expected next, for messages."""
        return self._state.value

    def see(self, tail: str, since: str, quiet_s: float) -> Step:
        """Decide the next step, while the guest pauses.

        Args:
            tail: the last part of what the guest has sent.
            since: what it has sent since the last step that sent something.
            quiet_s: how long ago the guest or this dialogue last sent something, in seconds.
        """
        line = lift_kernel_lines(tail).rpartition("\n")[2]
        since = lift_kernel_lines(since)
        if self._state is not _State.LOOKING and not since:
            return self._nothing(line, tail, quiet_s)
        if self._state in (_State.ANSWERED, _State.PROBED) and (step := self._refused(line, since)) is not None:
            return step
        if self._state is _State.PROBED and re.search(rf"^{self._marker}$", since, re.MULTILINE):
            return Step(Does.FINISH)
        if LOGIN.search(line):
            if self._state is _State.ANSWERED:
                self._rounds += 1
                if self._rounds >= _MOST_ROUNDS:
                    return Step(
                        Does.REFUSE, f"the guest asked for the name {self._rounds} times more, and did not say why"
                    )
            if self._changing and self.new_password is not None:
                self.password, self._changing = self.new_password, False
            return self._go(_State.NAMED, self.user, slipped=False)
        if MAINTENANCE.search(line):
            return self._asked_for_maintenance(tail, since)
        if PASSWORD.search(line):
            return self._asked_for_password(line, since)
        if self._is_shell(line, since):
            return Step(Does.FINISH)
        return self._nothing(line, tail, quiet_s)

    def _refused(self, line: str, since: str) -> Step | None:
        """The refusal, if the guest has refused the answer."""
        if demand := _CHANGE.search(since):
            if self.new_password is None:
                return Step(
                    Does.REFUSE,
                    f"the guest demands a new password: {demand[0].strip()} (give it with new_password=)",
                )
            self._changing = True
        if self._changing and (rejection := _REJECTED.search(since)):
            return Step(Does.REFUSE, f"the guest refuses the new password: {rejection[0].strip()}")
        if not self._changing and not self._slipped and (refusal := _REFUSED.search(since)):
            return Step(Does.REFUSE, f"the guest says: {refusal[0].strip()}")
        return None

    def _asked_for_maintenance(self, tail: str, since: str) -> Step:
        wants_enter = bool(_PRESS_ENTER.search("\n".join(tail.split("\n")[-3:])))
        if self._state is _State.ANSWERED and not self._slipped:
            # systemd may have started sulogin again, and the answer went to the one before; a wrong one is called so
            self._rounds += 1
            if wants_enter or self._rounds >= _MOST_ROUNDS:
                return Step(Does.REFUSE, f"the guest asks again: {since.strip()!r}")
        if wants_enter:
            return self._go(_State.ANSWERED, "", slipped=False)
        return self._go(_State.ANSWERED, self.password, slipped=False, secret=True)

    def _asked_for_password(self, line: str, since: str) -> Step:
        if self._changing and self.new_password is not None:
            if not _NEW_PASSWORD.search(line):
                return self._go(_State.ANSWERED, self.password, slipped=False, secret=True)
            return self._go(_State.ANSWERED, self.new_password, slipped=False, secret=True)
        echo = since.partition("\n")[0].strip()
        if self._state is _State.ANSWERED and not self._slipped:
            return Step(Does.REFUSE, f"the guest asks for another password: {since.strip()!r}")
        if self._state is not _State.NAMED or echo != self.user:
            # another name, or this one with characters missing: let the attempt fail, then start again
            return self._go(_State.ANSWERED, "", slipped=True)
        return self._go(_State.ANSWERED, self.password, slipped=False, secret=True)

    def _is_shell(self, line: str, since: str) -> bool:
        if self._state is _State.LOOKING:
            return bool(SHELL_ALONE.search(line))
        # the echo of Enter is between the answer and the prompt
        return self._state is not _State.PROBED and "\n" in since and bool(_SHELL.search(line))

    def _nothing(self, line: str, tail: str, quiet_s: float) -> Step:
        """The step when there is nothing on the line that can be answered."""
        after_answer = self._state in (_State.NAMED, _State.ANSWERED)
        if after_answer and line.strip() and not LOGIN.search(line) and not PASSWORD.search(line):
            if quiet_s < PROBE_S:
                return Step(Does.WAIT, until_quiet_s=PROBE_S)
            number = secrets.token_hex(4)
            self._marker = f"uartsim-{number}"
            # the quotes keep the echo of the command from looking like its output
            return self._go(_State.PROBED, f'echo uartsim-""{number}', slipped=False)
        nudge_s = NUDGE_S if self._state in (_State.LOOKING, _State.NAMED) else 2 * NUDGE_S
        if self._elsewhere and not tail:
            nudge_s = FIRST_NUDGE_S
        if quiet_s < nudge_s or (self._state is _State.LOOKING and _is_in_boot_menu(tail)):
            return Step(Does.WAIT, until_quiet_s=nudge_s if quiet_s < nudge_s else quiet_s + nudge_s)
        return self._go(self._state if self._state is not _State.NAMED else _State.LOOKING, "", self._slipped)

    def _go(self, state: _State, text: str, slipped: bool, secret: bool = False) -> Step:
        self._state, self._slipped = state, slipped
        return Step(Does.SEND, text, secret)


def _is_in_boot_menu(tail: str) -> bool:
    """Whether a boot loader waits for keys, so that Enter would boot."""
    menus = list(_BOOT_MENU.finditer(tail))
    return bool(menus) and not _PAST_MENU.search(tail, menus[-1].end())
