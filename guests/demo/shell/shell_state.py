"""The state of one shell: variables, parameters, functions, options and open files."""

from __future__ import annotations

import copy
import posixpath
from dataclasses import dataclass, field
from typing import Final

import trio

from ..kernel.credentials import ROOT, Credentials
from ..kernel.kernel import Kernel
from .grammar import Command
from .streams import Streams, TerminalFile

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: The shell's own process number.
SHELL_PID: Final = 412


@dataclass
class BackgroundJob:
    """A command started with ``&``.

    Attributes:
        pid: its process number.
        done: set when it has ended.
    """

    pid: int
    done: trio.Event = field(default_factory=trio.Event)


class ShellState:
    """What a shell knows; expansion, execution and the builtins work on it.

    Args:
        kernel: the kernel that the shell runs on.
        name: what the shell calls itself in messages.
        directory: its working directory.
        prompt: PS1.
        job_control: whether Ctrl-C reaches its commands (not for process 1).
        bracketed_paste: whether its prompts switch the terminal's bracketed paste on.
        user: who runs it.

    Attributes:
        files: the files, as its user may use them.
        interactive: whether this is the shell at the prompt, and not a subshell or a script of it.
        options: the letters that ``set`` has switched on.
        status: ``$?``.
        substitution_status: the status of the last command substitution; an assignment takes it over.
        parameters: ``$1`` and those after it.
        background: the commands that run in the background.
        last_background: ``$!``.
        nursery: where background commands run; None until the shell is at its prompt.
        depth: how deep commands are nested.
    """

    def __init__(
        self,
        kernel: Kernel,
        *,
        name: str,
        directory: str,
        prompt: str,
        job_control: bool = True,
        bracketed_paste: bool = False,
        user: Credentials = ROOT,
    ) -> None:
        self.kernel = kernel
        self.user = user
        self.files = kernel.files.seen_by(user.uid)
        self.name = name
        self.directory = directory
        self.job_control = job_control
        self.bracketed_paste = bracketed_paste
        self.interactive = True
        self.functions: dict[str, Command] = {}
        self.aliases: dict[str, str] = {}
        self.options: set[str] = set()
        self.status = 0
        self.substitution_status = 0
        self.parameters: list[str] = []
        self.exported = {"HOME", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "USER", "LANG"}
        self.variables = {
            "HOME": user.home,
            "IFS": " \t\n",
            "LANG": "C.UTF-8",
            "LOGNAME": user.name,
            "PATH": _PATH,
            "PS1": prompt,
            "PS2": "> ",
            "PWD": directory,
            "SHELL": "/bin/bash",
            "SHLVL": "1",
            "TERM": "vt220",
            "USER": user.name,
        }
        self.streams = Streams(dict.fromkeys((0, 1, 2), TerminalFile(kernel.terminal)))
        self.background: list[BackgroundJob] = []
        self.last_background = SHELL_PID
        self.nursery: trio.Nursery | None = None
        self.depth = 0

    def child(self) -> ShellState:
        """The state of a subshell, whose changes do not reach this shell."""
        child = copy.copy(self)
        child.interactive = False
        child.variables = dict(self.variables)
        child.exported = set(self.exported)
        child.functions = dict(self.functions)
        child.options = set(self.options)
        child.parameters = list(self.parameters)
        return child

    def path(self, name: str) -> str:
        """The absolute path of a file, for a name that may be relative to the working directory."""
        return posixpath.normpath(posixpath.join(self.directory, name))

    def value(self, name: str) -> str | None:
        """The value of a variable or special parameter, or None if it is not set."""
        if name.isdigit():
            number = int(name)
            if number == 0:
                return self.name
            return self.parameters[number - 1] if number <= len(self.parameters) else None
        uptime_s = self.kernel.log.uptime_s
        special = {
            "?": str(self.status),
            "$": str(SHELL_PID),
            "!": str(self.last_background),
            "#": str(len(self.parameters)),
            "-": "himBHs",
            "*": " ".join(self.parameters),
            "@": " ".join(self.parameters),
            "RANDOM": str(hash((uptime_s, "random")) & 0x7FFF),
            "SECONDS": str(int(uptime_s)),
            "HOSTNAME": self.kernel.host_name,
            "BASH_VERSION": "5.2.15(1)-release",
            "UID": str(self.user.uid),
            "EUID": str(self.user.uid),
        }
        return special.get(name, self.variables.get(name))
