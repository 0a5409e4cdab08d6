"""The local accounts and groups, and who may log on."""

from __future__ import annotations

import hmac
import os
import re
from dataclasses import dataclass, field
from hashlib import scrypt
from typing import Final, NamedTuple

ADMINISTRATORS: Final = "Administrators"
USERS: Final = "Users"
REMOTE_DESKTOP_USERS: Final = "Remote Desktop Users"
_BUILT_IN: Final = (
    (ADMINISTRATORS, "Administrators have complete and unrestricted access to the computer"),
    ("Backup Operators", "Members can back up and restore files"),
    ("Event Log Readers", "Members can read event logs"),
    ("Guests", "Guests have little access"),
    (REMOTE_DESKTOP_USERS, "Members can log on remotely"),
    (USERS, "Users can run most applications"),
)
#: The characters that a name cannot have.
_NAME: Final = re.compile(r'[^"/\\\[\]:;|=,+*?<>@\x00-\x1f]{1,20}')
_LONGEST_PASSWORD: Final = 127


class AccountError(Exception):
    """What `net` says of a request that cannot be done; ``number`` is the system error, or 0."""

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.number = number


class Token(NamedTuple):
    """Who runs a program.

    Attributes:
        user: the account's name.
        host: the machine's name, which is the account's domain.
        administrator: whether it belongs to Administrators.
    """

    user: str
    host: str
    administrator: bool


@dataclass
class Account:
    """An account; the password is kept as a salted hash only."""

    name: str
    rid: int
    comment: str = ""
    active: bool = True
    salt: bytes = field(default=b"", repr=False)
    secret: bytes = field(default=b"", repr=False)

    def set_password(self, password: str) -> None:
        """Set the password.

        Raises:
            AccountError: it is too long.
        """
        if len(password) > _LONGEST_PASSWORD:
            raise AccountError("The password is longer than 127 characters.", 2245)
        self.salt = os.urandom(8)
        self.secret = _hash(password, self.salt)

    def has_password(self, password: str) -> bool:
        """Whether this is the password; an account without one has none."""
        return bool(self.secret) and hmac.compare_digest(self.secret, _hash(password[:4096], self.salt))


class LocalUsers:
    """Accounts and groups of one machine.

    Args:
        host: the machine's name.
        administrator: the name of the built-in administrator.
        password: his password.
    """

    def __init__(self, host: str, administrator: str, password: str) -> None:
        self.host = host
        self.accounts: dict[str, Account] = {}
        self.groups: dict[str, list[str]] = {name: [] for name, _ in _BUILT_IN}
        self.comments: dict[str, str] = dict(_BUILT_IN)
        self._next_rid = 1000
        self._add(Account(administrator, 500, "Built-in account for administering the computer/domain"))
        self.accounts[administrator.lower()].set_password(password)
        if administrator.lower() != "guest":
            self._add(Account("Guest", 501, "Built-in account for guest access to the computer/domain", active=False))
            self.groups["Guests"].append("Guest")
        self.groups[ADMINISTRATORS].append(administrator)

    # ---------------------------------------------------------------------------------------------------------- lookups
    def find(self, name: str) -> Account:
        """An account, also by ``HOST\\name`` and ``.\\name``.

        Raises:
            AccountError: there is none.
        """
        domain, separator, plain = name.rpartition("\\")
        if not separator or domain.lower() in (".", self.host.lower()):
            found = self.accounts.get(plain.lower())
            if found is not None:
                return found
        raise AccountError("The user name could not be found.", 2221)

    def group_name(self, name: str) -> str:
        """A group's name as it is written.

        Raises:
            AccountError: there is none.
        """
        for group in self.groups:
            if group.lower() == name.lower():
                return group
        raise AccountError("The specified local group does not exist.", 1376)

    def groups_of(self, account: Account) -> list[str]:
        """The groups that an account belongs to."""
        return [group for group, members in self.groups.items() if account.name in members]

    def token(self, account: Account) -> Token:
        """What a program of this account runs with."""
        return Token(account.name, self.host, ADMINISTRATORS in self.groups_of(account))

    def log_on(self, name: str, domain: str, password: str) -> Token | None:
        """Check a name and a password.

        Args:
            domain: empty, a dot, or the machine's name; the machine belongs to no domain.

        Returns:
            What the session runs with, or None if that is wrong, or the account is not active.
        """
        if domain.strip().lower() not in ("", ".", self.host.lower()):
            return None
        try:
            account = self.find(name.strip())
        except AccountError:
            return None
        return self.token(account) if account.has_password(password) and account.active else None

    # ---------------------------------------------------------------------------------------------------------- changes
    def create(self, name: str, password: str) -> Account:
        """Make an account, which belongs to Users.

        Raises:
            AccountError: it exists, or the name or the password cannot be.
        """
        if not _NAME.fullmatch(name) or not name.strip(" ."):
            raise AccountError("The user name is invalid.", 2202)
        if name.lower() in self.accounts:
            raise AccountError("The account already exists.", 2224)
        account = Account(name, self._next_rid)
        if password:
            account.set_password(password)
        self._next_rid += 1
        self._add(account)
        self.groups[USERS].append(name)
        return account

    def delete(self, name: str) -> None:
        """Remove an account.

        Raises:
            AccountError: there is none, or it is built in.
        """
        account = self.find(name)
        if account.rid < 1000:
            raise AccountError("Cannot perform this operation on built-in accounts.", 1371)
        del self.accounts[account.name.lower()]
        for members in self.groups.values():
            if account.name in members:
                members.remove(account.name)

    def add_member(self, group: str, name: str) -> None:
        """Put an account into a group.

        Raises:
            AccountError: there is no such group or account, or it is in it already.
        """
        members, account = self.groups[self.group_name(group)], self._member(name)
        if account.name in members:
            raise AccountError("The specified account name is already a member of the group.", 1378)
        members.append(account.name)

    def remove_member(self, group: str, name: str) -> None:
        """Take an account out of a group.

        Raises:
            AccountError: there is no such group or account, or it is not in it.
        """
        members, account = self.groups[self.group_name(group)], self._member(name)
        if account.name not in members:
            raise AccountError("The specified account name is not a member of the group.", 1377)
        members.remove(account.name)

    def _member(self, name: str) -> Account:
        try:
            return self.find(name)
        except AccountError:
            raise AccountError(f"There is no such global user or group: {name}.") from None

    def _add(self, account: Account) -> None:
        self.accounts[account.name.lower()] = account


def _hash(password: str, salt: bytes) -> bytes:
    return scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=16, r=1, p=1)
