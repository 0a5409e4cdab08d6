"""The settings of guest.toml, with their types; guest.toml says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


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
    bracketed_paste: bool = False

    @classmethod
    def from_host(cls, settings: Mapping[str, Any]) -> Settings:
        """Take the known settings from the host's, converted to their types."""
        defaults = cls()
        known = {name: settings[name] for name in cls._fields if name in settings}
        return cls(**{name: type(getattr(defaults, name))(value) for name, value in known.items()})

    def scaled(self, seconds: float) -> float:
        """A time in seconds that is not a documented time-out, multiplied with ``time_scale``."""
        return max(0.0, seconds * self.time_scale)
