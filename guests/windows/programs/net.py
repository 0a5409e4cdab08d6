"""``net``: accounts, groups and services.  Syntax: Microsoft's pages "net user" and "net localgroup"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..disk.local_users import Account, AccountError, LocalUsers
from .program_context import AccessDenied, ProgramContext
from .service_control import net_start, net_stop

_DONE: Final = "The command completed successfully.\n\n"
_RULE: Final = "-" * 79
_HELP: Final = "The syntax of this command is:\n\nNET [ LOCALGROUP | START | STOP | USER ]\n"
#: So many accounts and groups there may be.
_ROOM: Final = 1000


async def net(context: ProgramContext) -> int:
    """Run net."""
    words = context.words
    command = words[0].lower() if words else ""
    try:
        if command in ("user", "users"):
            return await _user(context, words[1:])
        if command == "localgroup":
            return await _local_group(context, words[1:])
        if command == "start":
            return await net_start(context, words[1:])
        if command == "stop" and len(words) > 1:
            return await net_stop(context, words[1:])
    except AccountError as error:
        number = error.number
        more = f"\n\nMore help is available by typing NET HELPMSG {number}." if number >= 2100 else ""
        first = f"System error {number} has occurred.\n\n" if 0 < number < 2100 else ""
        return await context.fail(f"{first}{error}{more}\n", 2)
    except AccessDenied:
        return await context.fail("System error 5 has occurred.\n\nAccess is denied.\n", 2)
    await context.fail(_HELP)
    return 1


def _split(words: list[str]) -> tuple[list[str], dict[str, str]]:
    """The plain words, and the options by their names in lower case, without the slash."""
    options = {}
    for word in words:
        if word.startswith("/"):
            name, _, value = word[1:].partition(":")
            options[name.lower()] = value
    return [word for word in words if not word.startswith("/")], options


async def _user(context: ProgramContext, words: list[str]) -> int:
    users = context.disk.users
    plain, options = _split(words)
    if not plain:
        await context.write_lines(_columns(users.host, sorted(account.name for account in users.accounts.values())))
        await context.write(_DONE)
        return 0
    if len(plain) == 1 and not options:
        await context.write_lines(_account_lines(users, users.find(plain[0])))
        await context.write(_DONE)
        return 0
    context.need_administrator()
    if "delete" in options:
        users.delete(plain[0])
    else:
        password = await _password(context, plain[1]) if len(plain) > 1 else None
        if "add" in options:
            if len(users.accounts) >= _ROOM:
                raise AccountError("Not enough storage is available to process this command.", 8)
            users.create(plain[0], password or "")
        elif password is not None:
            users.find(plain[0]).set_password(password)
        _set_options(users.find(plain[0]), options)
    await context.write(_DONE)
    return 0


async def _password(context: ProgramContext, word: str) -> str:
    if word != "*":
        return word
    await context.write("Type a password for the user: ")
    first = await context.terminal.read_line(mask="")
    await context.write("Retype the password to confirm: ")
    if await context.terminal.read_line(mask="") != first:
        raise AccountError("The passwords do not match.")
    return first


def _set_options(account: Account, options: dict[str, str]) -> None:
    if "active" in options:
        account.active = options["active"].lower() != "no"
    if "comment" in options:
        account.comment = options["comment"]


def _account_lines(users: LocalUsers, account: Account) -> Iterator[str]:
    groups = users.groups_of(account)
    rows = (
        ("User name", account.name),
        ("Full Name", ""),
        ("Comment", account.comment),
        ("Country/region code", "000 (System Default)"),
        ("Account active", "Yes" if account.active else "No"),
        ("Account expires", "Never"),
        ("", ""),
        ("Password expires", "Never"),
        ("Password required", "Yes"),
        ("User may change password", "Yes"),
        ("", ""),
        ("Workstations allowed", "All"),
        ("Logon hours allowed", "All"),
        ("", ""),
        ("Local Group Memberships", " ".join(f"*{group}" for group in groups)),
        ("Global Group memberships", "*None"),
    )
    for name, value in rows:
        yield f"{name:<29}{value}".rstrip()


def _columns(host: str, names: list[str]) -> Iterator[str]:
    yield ""
    yield f"User accounts for \\\\{host}"
    yield ""
    yield _RULE
    for start in range(0, len(names), 3):
        yield "".join(f"{name:<25}" for name in names[start : start + 3]).rstrip()


async def _local_group(context: ProgramContext, words: list[str]) -> int:
    users = context.disk.users
    plain, options = _split(words)
    if not plain:
        await context.write(f"\nAliases for \\\\{users.host}\n\n{_RULE}\n")
        await context.write_lines(f"*{group}" for group in sorted(users.groups))
        await context.write(_DONE)
        return 0
    if not options:
        group = users.group_name(plain[0])
        await context.write(
            f"Alias name     {group}\nComment        {users.comments.get(group, '')}\n\nMembers\n\n{_RULE}\n"
        )
        await context.write_lines(users.groups[group])
        await context.write(_DONE)
        return 0
    context.need_administrator()
    if "add" in options and len(plain) == 1:
        if plain[0].lower() in map(str.lower, users.groups) or len(users.groups) >= _ROOM:
            raise AccountError("The specified local group already exists.", 1379)
        users.groups[plain[0]] = []
    for name in plain[1:]:
        if "add" in options:
            users.add_member(plain[0], name)
        elif "delete" in options:
            users.remove_member(plain[0], name)
    await context.write(_DONE)
    return 0
