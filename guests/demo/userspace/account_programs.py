"""Programs that show users or change them, or act as another one: id, useradd, userdel, usermod, chpasswd, sudo, su."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import trio

from ..kernel.credentials import Credentials
from ..shell import getopt
from ..shell.command_context import CommandFunction, Context, ExitShell
from ..shell.execution import Execution
from ..shell.interactive import Shell
from ..shell.shell_state import ShellState
from ..shell.streams import Lines, TerminalFile
from . import accounts
from .password_prompt import EndOfFile, ask

#: How often sudo asks, and how long it waits after a wrong password, in seconds.
_SUDO_TRIES: Final = 3
_FAIL_DELAY_S: Final = 2.0


async def _id(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "ugGn")
    files = context.kernel.files  # these files can be read by everybody
    user: Credentials | None = context.user
    if parsed.operands:
        user = accounts.find_user(files, parsed.operands[0])
    if user is None:
        return await context.complain(f"'{parsed.operands[0]}': no such user")
    groups = accounts.groups_of(files, user)
    if "u" in parsed:
        await context.print(user.name if "n" in parsed else str(user.uid))
    elif "G" in parsed:
        await context.print(" ".join(name if "n" in parsed else str(gid) for gid, name in groups))
    elif "g" in parsed:
        await context.print(groups[0][1] if "n" in parsed else str(user.gid))
    else:
        shown = ",".join(f"{gid}({name})" for gid, name in groups)
        await context.print(f"uid={user.uid}({user.name}) gid={user.gid}({groups[0][1]}) groups={shown}")
    return 0


async def _whoami(context: Context) -> int:
    await context.print(context.user.name)
    return 0


async def _groups(context: Context) -> int:
    await context.print(" ".join(name for _, name in accounts.groups_of(context.kernel.files, context.user)))
    return 0


async def _useradd(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "mMUNrs:G:g:c:d:", {"create-home": "m", "shell": "s", "groups": "G"})
    if not context.user.is_root:
        return await context.complain("Permission denied.\nuseradd: cannot lock /etc/passwd; try again later.")
    if len(parsed.operands) != 1:
        return await context.complain("usage: useradd [-m] [-s SHELL] [-G GROUPS] LOGIN", 2)
    name = parsed.operands[0]
    if not accounts.is_valid_name(name):
        return await context.complain(f"invalid user name '{name}': use --badname to ignore", 3)
    if accounts.find_user(context.files, name) is not None:
        return await context.complain(f"user '{name}' already exists", 9)
    accounts.add_user(context.files, name)
    return await _join(context, name, parsed.values.get("G", ""))


async def _join(context: Context, name: str, groups: str) -> int:
    status = 0
    for group in filter(None, groups.split(",")):
        if not accounts.add_to_group(context.files, name, group):
            status = await context.complain(f"group '{group}' does not exist", 6)
    return status


async def _usermod(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "aG:LU", {"append": "a", "groups": "G", "lock": "L"})
    if not context.user.is_root:
        return await context.complain("Permission denied.\nusermod: cannot lock /etc/passwd; try again later.")
    if len(parsed.operands) != 1 or accounts.find_user(context.files, parsed.operands[0]) is None:
        return await context.complain(f"user '{' '.join(parsed.operands)}' does not exist", 6)
    if "L" in parsed:
        accounts.lock_password(context.files, parsed.operands[0])
    return await _join(context, parsed.operands[0], parsed.values.get("G", ""))


async def _userdel(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "rf", {"remove": "r"})
    if not context.user.is_root:
        return await context.complain("Permission denied.\nuserdel: cannot lock /etc/passwd; try again later.")
    user = accounts.find_user(context.files, parsed.operands[0]) if len(parsed.operands) == 1 else None
    if user is None:
        return await context.complain(f"user '{' '.join(parsed.operands)}' does not exist", 6)
    accounts.remove_user(context.files, user.name)
    if "r" in parsed and context.files.is_directory(user.home):
        context.files.remove(user.home, recursive=True)
    return 0


async def _chpasswd(context: Context) -> int:
    if not context.user.is_root:
        return await context.complain("Permission denied.\nchpasswd: cannot lock /etc/passwd; try again later.")
    number = 0
    async for line in Lines(context.stdin):
        number += 1
        name, colon, password = line.decode(errors="replace").rstrip("\n").partition(":")
        if not colon or not password:
            return await context.complain(f"line {number}: missing new password")
        if accounts.find_user(context.files, name) is None:
            return await context.complain(
                f"(user {name}) pam_chauthtok() failed, error:\nAuthentication token manipulation error"
            )
        accounts.set_password(context.files, name, password)
    return 0


@dataclass
class _SudoRequest:
    """What sudo was asked for.

    Attributes:
        user: as whom to run it.
        words: the command; empty for a shell.
        shell: "i" for a login shell, "s" for another one, empty for none.
        may_ask: whether a password may be asked for.
        reads_stdin: whether the password is a line of the standard input.
    """

    user: str = "root"
    words: list[str] = field(default_factory=list)
    shell: str = ""
    may_ask: bool = True
    reads_stdin: bool = False

    @classmethod
    def of(cls, words: list[str]) -> _SudoRequest | None:
        """The request of these arguments; None if they are wrong."""
        request, left = cls(), list(words)
        while left and left[0].startswith("-"):
            option = left.pop(0)
            if option == "--":
                break
            if option == "-u" and left:
                request.user = left.pop(0)
            elif option in ("-i", "-s"):
                request.shell = option[1]
            elif option in ("-n", "-S"):
                request.may_ask, request.reads_stdin = option != "-n", option == "-S"
            elif option not in ("-E", "-H", "-k"):  # these change nothing here
                return None
        request.words = left
        return request if left or request.shell else None


async def _sudo(context: Context) -> int:
    request = _SudoRequest.of(context.arguments)
    if request is None:
        await context.stderr.write(b"usage: sudo [-i | -s] [-n | -S] [-u USER] [COMMAND]\n")
        return 1
    target = accounts.find_user(context.kernel.files, request.user)
    if target is None:
        return await context.complain(f"unknown user {request.user}")
    if not context.user.is_root and not await _may_use_sudo(context, request):
        return 1
    if request.words:
        return await _run_as(context, target, request.words)
    return await _shell_as(context, target, is_login=request.shell == "i")


async def _may_use_sudo(context: Context, request: _SudoRequest) -> bool:
    user = context.user
    if not request.may_ask:
        await context.stderr.write(b"sudo: a password is required\n")
        return False
    if not request.reads_stdin and not isinstance(context.stdin, TerminalFile):
        await context.stderr.write(b"sudo: a terminal is required to read the password\nsudo: a password is required\n")
        return False
    try:
        for attempt in range(1, _SUDO_TRIES + 1):
            password = await ask(context, f"[sudo] password for {user.name}: ")
            if accounts.check_password(context.kernel.files, user.name, password):
                break
            await trio.sleep(_FAIL_DELAY_S)
            if attempt == _SUDO_TRIES:
                await context.stderr.write(f"sudo: {_SUDO_TRIES} incorrect password attempts\n".encode())
                return False
            await context.stderr.write(b"Sorry, try again.\n")
    except EndOfFile:
        await context.stderr.write(b"\nsudo: no password was provided\nsudo: a password is required\n")
        return False
    if accounts.is_administrator(context.kernel.files, user):
        return True
    await context.stderr.write(f"{user.name} is not in the sudoers file.\n".encode())
    return False


async def _su(context: Context) -> int:
    parsed = getopt.parse(context.arguments, "lc:", {"login": "l", "command": "c"})
    names = [word for word in parsed.operands if word != "-"]
    is_login = "l" in parsed or "-" in parsed.operands
    target = accounts.find_user(context.kernel.files, names[0] if names else "root")
    if target is None:
        return await context.complain(
            f"user {names[0]} does not exist or the user entry does not contain all the required fields"
        )
    if not context.user.is_root:
        try:
            password = await ask(context, "Password: ")
        except EndOfFile:
            password = ""
        if not accounts.check_password(context.kernel.files, target.name, password):
            await trio.sleep(_FAIL_DELAY_S)
            return await context.complain("Authentication failure")
    if "c" in parsed.values:
        return await _run_as(context, target, ["sh", "-c", parsed.values["c"]])
    return await _shell_as(context, target, is_login=is_login)


def _state_of(context: Context, user: Credentials, name: str, directory: str) -> ShellState:
    outer = context.shell
    return ShellState(
        outer.kernel,
        name=name,
        directory=directory,
        prompt="\\u@\\h:\\w\\$ ",
        job_control=outer.job_control,
        bracketed_paste=outer.bracketed_paste,
        user=user,
    )


async def _run_as(context: Context, user: Credentials, words: list[str]) -> int:
    """Run one command as another user."""
    state = _state_of(context, user, context.shell.name, context.shell.directory)
    state.interactive = False
    try:
        return await Execution(state, context.runner.commands).run_words(words, context.streams)
    except ExitShell as leave:
        return leave.status


async def _shell_as(context: Context, user: Credentials, *, is_login: bool) -> int:
    """Run a shell at its prompt as another user."""
    directory = user.home if is_login else context.shell.directory
    state = _state_of(context, user, "-bash" if is_login else "bash", directory)
    return await Shell(state, context.runner.commands).run()


#: These programs, by name.
ACCOUNT_PROGRAMS: Final[Mapping[str, CommandFunction]] = {
    "id": _id,
    "whoami": _whoami,
    "groups": _groups,
    "useradd": _useradd,
    "usermod": _usermod,
    "userdel": _userdel,
    "chpasswd": _chpasswd,
    "sudo": _sudo,
    "su": _su,
}
