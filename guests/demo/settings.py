"""The settings of guest.toml, with their types; guest.toml says what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_HOST_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")

_USER_NAME: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


class Settings(NamedTuple):
    """What can be set from outside; times are in seconds."""

    grub_timeout: int = 5
    boot_seconds: float = 1.5
    time_scale: float = 1.0
    cmdline: str = "root=/dev/vda1 ro console=tty0 console=ttyS0,115200"
    sysrq: int = 438
    hostname: str = "demo"
    login_timeout: float = 60.0
    password: str = "toor"
    user: str = ""
    user_password: str = ""
    bracketed_paste: bool = False
    tmout: int = 0

    @classmethod
    def from_host(cls, settings: Mapping[str, Any]) -> Settings:
        """Take the known settings from the host's, converted to their types."""
        defaults = cls()
        known = {name: settings[name] for name in cls._fields if name in settings}
        made = cls(**{name: type(getattr(defaults, name))(value) for name, value in known.items()})
        made.check()
        return made

    def check(self) -> None:
        """Check the values.

        Raises:
            ValueError: one is impossible.
        """
        for name in ("boot_seconds", "time_scale", "login_timeout", "tmout"):
            seconds = getattr(self, name)
            if not 0 <= seconds < 1e9:
                raise ValueError(f"{name} is {seconds:g}: use 0 or more")
        if not _HOST_NAME.fullmatch(self.hostname):
            raise ValueError("hostname: use 1 to 64 letters, digits, '-' and '.', as hostname(7) has it")
        if self.user and not _USER_NAME.fullmatch(self.user):
            raise ValueError(f"user is {self.user!r}: use a letter, then up to 31 of a-z, 0-9, '-' and '_'")
        if self.user_password and not self.user:
            raise ValueError("user_password has no user: set user, too")

    def scaled(self, seconds: float) -> float:
        """A time in seconds that is not a documented time-out, multiplied with ``time_scale``."""
        return max(0.0, seconds * self.time_scale)
