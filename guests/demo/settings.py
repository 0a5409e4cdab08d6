"""The settings of guest.toml as a value with types; guest.toml says what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Settings:
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
        """Pick the known settings out of the host's, converted to their types."""
        defaults = cls()
        known = {each.name: settings[each.name] for each in fields(cls) if each.name in settings}
        return cls(**{name: type(getattr(defaults, name))(value) for name, value in known.items()})

    def scaled(self, seconds: float) -> float:
        """A wait of the machine that is no documented time-out."""
        return max(0.0, seconds * self.time_scale)
