"""What has the line now, told by its unfinished line: a shell's prompt, or something that no command may be typed at.

A prompt can be anything.  What is certain comes first: the prompts that have been seen behind a command's end.  Then
come those that other programs are known by.  What is left is taken for a shell's if it ends as prompts do, and the
shell is asked before a command is typed (``shell_line.ShellQuestion``).  No I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from uartsim.console.login_dialogue import LOGIN, MAINTENANCE, PASSWORD

#: How a prompt ends.  Not so: a frame (``###``), an arrow or a bar of progress (``==>``), a percentage.
_PROMPT: Final = re.compile(r"(?:(?<!#)#|[$❯»➜λ›▶→]|(?<![=-])>|(?<![\d. ])%|(?<=[^\W\d] )%|^%)[ \xa0]?\Z")
_PROMPTS_OF_WORDS: Final = re.compile(r"^\(initramfs\) \Z")
#: The whole of a usual prompt: that of Debian, BusyBox, or bash without a PS1.  A text may stand behind it.
_USUAL: Final = re.compile(r"\A(?:\[?(?:[\w.-]+@)?[\w.-]*[:\- ]?[~/\w][^\s\[\]#$%>]*\]?[ :]?)?[#$%] ")

_LEAVE: Final = "leave that program first"
#: Unfinished lines at which no command of a shell may be typed, and what is said about them.
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
            'at a prompt ("> ") at which a shell wants the rest of an unfinished line, and send("\\x03") takes that '
            "back; or it is csh's, which run() does not serve: start sh there",
        ),
    )
)
_MENU: Final = re.compile(r"GNU GRUB +version")
_MENU_ROW: Final = re.compile(r"(?m)^ *[|│║].*[|│║].? *$")


@dataclass(frozen=True, slots=True)
class Foreground:
    """What has the line.

    Attributes:
        prompt: a shell's prompt, as it looks; None: there is none.
        typed: text stands behind the prompt.
        sure: it has been the prompt of a shell before.
        otherwise: what is there, and what to do; empty: nothing that is known.
    """

    prompt: str | None = None
    typed: bool = False
    sure: bool = False
    otherwise: str = ""


def foreground(line: str, known: Collection[str], screen: str = "") -> Foreground:
    """What has the line.

    Args:
        line: the unfinished line.
        known: prompts that a shell has shown behind the end of a command.
        screen: what is drawn on the screen; empty where nothing is.
    """
    if line in known and line:
        return Foreground(line, sure=True)
    for pattern, text in _OTHERS:
        if pattern.search(line):
            return Foreground(otherwise=text)
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
        return Foreground(otherwise="in GRUB's menu: grub.boot() boots, and grub.command_line() opens its command line")
    return Foreground()


#: What other shells say to a question of ours, and what they are.
_STRANGERS: Final = (
    (
        re.compile(r"Illegal variable name|Bad : modifier|Undefined variable|Badly placed|Variable name must"),
        "csh or tcsh",
    ),
    (re.compile(r"(?i)\bfish\b|\$- is not|\$\{ is not"), "fish"),
    (re.compile(r"SyntaxError|NameError|Traceback"), "Python"),
    (re.compile(r"Unknown command '"), "U-Boot: say shell='u-boot'"),
)


def stranger(answer: str) -> str:
    """What a command line is that has not understood a Unix shell's line, by what it said."""
    return next((name for pattern, name in _STRANGERS if pattern.search(answer)), "")
