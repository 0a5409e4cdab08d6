"""The program that reads input now, judged by its unfinished line: a shell at its prompt, or another at which no command
may be typed.

A prompt can be anything.  The prompts that were seen behind the end of a command are certain, and come first.  Then
come those by which other programs are known.  Any other line is taken for a shell's prompt if it ends as prompts do, and
the shell is asked before a command is typed (``shell_line.ShellQuestion``).  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from uartsim.console.login_dialogue import LOGIN, MAINTENANCE, PASSWORD

#: How a prompt ends, but not a frame (``###``), an arrow or a progress bar (``==>``), or a percentage.
_PROMPT: Final = re.compile(r"(?:(?<!#)#|[$❯»➜λ›▶→]|(?<![=-])>|(?<![\d. ])%|(?<=[^\W\d] )%|^%)[ \xa0]?\Z")
_PROMPTS_OF_WORDS: Final = re.compile(r"^\(initramfs\) \Z")
#: A whole prompt of Debian, BusyBox, or bash without a PS1.  Text may follow.
_USUAL: Final = re.compile(r"\A(?:\[?(?:[\w.-]+@)?[\w.-]*[:\- ]?[~/\w][^\s\[\]#$%>]*\]?[ :]?)?[#$%] ")

_LEAVE: Final = "leave that program first"
#: Unfinished lines at which no shell command may be typed, and what an error says about them.
_OTHERS: Final = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (
            MAINTENANCE.pattern,
            "at the question for root's password that emergency mode asks: log in first, with login()",
        ),
        (LOGIN.pattern, "at a login prompt: log in first, with login()"),
        (PASSWORD.pattern, "at a prompt for a password: answer it with send_secret(), or log in with login()"),
        (r"--More--|\A\(END\)|\A:\Z|\Alines \d+-\d+", 'in a pager: send("q") leaves it'),
        (r"\A(?:>>> |\.\.\. )\Z", f'at a Python prompt: {_LEAVE}, with sendline("exit()")'),
        (r"\AIn \[\d+\]: \Z", f'at an IPython prompt: {_LEAVE}, with sendline("exit")'),
        (
            r"\A(?:mysql|MariaDB [^>]*|sqlite|s?ftp|telnet|lftp [^>]*|irb[^>]*|psql|redis[^>]*)> ?\Z",
            f"at the prompt of a program: {_LEAVE}",
        ),
        (r"\A\((?:gdb|Pdb|lldb|qemu)\) \Z", f"at the prompt of a debugger or monitor: {_LEAVE}"),
        (r"\A\w+=[#>] \Z", f"at the prompt of psql: {_LEAVE}"),
        (r"\A(?:db\{?\d*\}?|ddb\{\d+\}|\[\d+\]kdb|KDB)> ?\Z", "in the kernel's debugger: leave it first"),
        (r"\A(?:i|g)PXE> ?\Z", "at the prompt of iPXE, whose commands have no mark: use sendline() and expect()"),
        (r"\APS [^\n]*> ?\Z|\A[A-Z]:\\[^\n]*>\Z", "at a prompt of Windows: use sendline() and expect()"),
        (
            r"\A(?:(?:[db]?quote|cmdsubst|heredoc|pipe|then|else|if|for|while|until|do|case|function|cursh|subsh)[\w ]*)?> \Z",
            'at a prompt ("> ") at which a shell waits for the rest of an unfinished line, and send("\\x03") cancels '
            "that; or it is csh's, which run() cannot use: start sh there",
        ),
    )
)
_MENU: Final = re.compile(r"GNU GRUB +version")
_MENU_ROW: Final = re.compile(r"(?m)^ *[|│║].*[|│║].? *$")


@dataclass(frozen=True, slots=True)
class Foreground:
    """The program that reads input.

    Attributes:
        prompt: what looks like a shell's prompt, or None.
        typed: whether there is text behind the prompt.
        sure: whether it has been the prompt of a shell before.
        obstacle: what else is there, and what to do about it; empty if that is not known.
    """

    prompt: str | None = None
    typed: bool = False
    sure: bool = False
    obstacle: str = ""


def foreground(line: str, known: Collection[str], screen: str = "") -> Foreground:
    """The program that reads input.

    Args:
        line: the unfinished line.
        known: the prompts that were seen behind the end of a command.
        screen: what is drawn on the screen; empty if nothing is.
    """
    if line in known and line:
        return Foreground(line, sure=True)
    for pattern, text in _OTHERS:
        if pattern.search(line):
            return Foreground(obstacle=text)
    for prompt in known:
        if prompt.strip() and line.startswith(prompt):
            return Foreground(prompt, typed=True, sure=True)
        if prompt.strip() and line.endswith(prompt):
            return Foreground(line, sure=True)
    if _PROMPT.search(line) or _PROMPTS_OF_WORDS.search(line):
        return Foreground(line)
    if (usual := _USUAL.match(line)) is not None:
        return Foreground(usual[0], typed=True)
    if _MENU.search(screen) and len(_MENU_ROW.findall(screen)) > 1:
        return Foreground(obstacle="in GRUB's menu: grub.boot() boots, and grub.command_line() opens its command line")
    return Foreground()


#: Programs that are not a Unix shell, by how they answer the question which shell is there.
_OTHER_PROGRAMS: Final = (
    (
        re.compile(r"Illegal variable name|Bad : modifier|Undefined variable|Badly placed|Variable name must"),
        "csh or tcsh",
    ),
    (re.compile(r"(?i)\bfish\b|\$- is not|\$\{ is not"), "fish"),
    (re.compile(r"SyntaxError|NameError|Traceback"), "Python"),
    (re.compile(r"Unknown command '"), "U-Boot: say shell='u-boot'"),
)


def other_program(answer: str) -> str:
    """The name of a program that did not understand a Unix shell's line, by what it answered; empty if it is not known."""
    return next((name for pattern, name in _OTHER_PROGRAMS if pattern.search(answer)), "")
