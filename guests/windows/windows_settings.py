"""The settings of guest.toml, with their types; guest.toml says what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

#: What can be wrong with a new machine; docs/windows.md says how each is mended.
FAULTS: Final = (
    "firewall",
    "rdp-disabled",
    "rdp-port",
    "rdp-service",
    "network-disabled",
    "network-address",
    "filesystem",
)
#: A NetBIOS name.
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,14}")
#: A local account's name: up to 20 characters, none of those that `net user` refuses.
_USER_NAME: Final = re.compile(r'[^"/\\\[\]:;|=,+*?<>@\x00-\x1f]{1,20}')


class Settings(NamedTuple):
    """What can be set from outside; times are in seconds."""

    edition: str = "server"
    sac: bool = True
    kernel_debug: bool = False
    displaybootmenu: bool = False
    timeout: int = 30
    bootems: bool = False
    boot_seconds: float = 2.0
    time_scale: float = 1.0
    hostname: str = "WIN-UARTSIM"
    user: str = "Administrator"
    password: str = "Passw0rd!"
    session_timeout: float = 900.0
    health_seconds: float = 300.0
    broken: str = ""

    @classmethod
    def from_host(cls, settings: Mapping[str, Any]) -> Settings:
        """Take the known settings from the host's, converted to their types.

        Raises:
            ValueError: one is impossible; the message names it.
        """
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
        for name in ("timeout", "boot_seconds", "time_scale", "session_timeout", "health_seconds"):
            seconds = getattr(self, name)
            if not 0 <= seconds < 1e9:
                raise ValueError(f"{name} is {seconds:g}: use 0 or more")
        if self.edition not in ("server", "client"):
            raise ValueError(f"edition is {self.edition!r}: use server or client")
        if not _HOST_NAME.fullmatch(self.hostname):
            raise ValueError("hostname: use 1 to 15 letters, digits and '-', as a NetBIOS name has them")
        if not _USER_NAME.fullmatch(self.user):
            raise ValueError('user: use 1 to 20 characters, and none of "/\\[]:;|=,+*?<>@')
        unknown = self.faults - set(FAULTS)
        if unknown:
            raise ValueError(f"broken: unknown {', '.join(sorted(unknown))}; use any of {', '.join(FAULTS)}")

    @property
    def faults(self) -> frozenset[str]:
        """What is wrong with a new machine."""
        return frozenset(name for name in re.split(r"[\s,]+", self.broken) if name)

    def scaled(self, seconds: float) -> float:
        """A time in seconds that is not a documented time-out, multiplied with ``time_scale``."""
        return max(0.0, seconds * self.time_scale)
