"""The registry: keys with values, of which a few mean something to the rest of the machine.

Names are compared without regard to case and shown as they were first written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

_ROOTS: Final = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}
#: So many keys and values there may be.
ROOM: Final = 2000
TERMINAL_SERVER: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\Terminal Server"
RDP_TCP: Final = TERMINAL_SERVER + r"\WinStations\RDP-Tcp"
RDP_POLICY: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services"
CRASH_CONTROL: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\CrashControl"
COMPUTER_NAME: Final = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName"
_CURRENT_VERSION: Final = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
TYPES: Final = ("REG_SZ", "REG_DWORD", "REG_QWORD", "REG_BINARY", "REG_MULTI_SZ", "REG_EXPAND_SZ", "REG_NONE")


class RegistryValue(NamedTuple):
    """A value: its name as it was written, its type, and its data as text (a number in hexadecimal, with 0x)."""

    name: str
    type: str
    data: str


class InvalidKey(Exception):
    """A path that names no key."""


def full_path(text: str) -> str:
    """A key's path in full: ``HKLM\\X`` becomes ``HKEY_LOCAL_MACHINE\\X``.

    Raises:
        InvalidKey: it begins with none of the roots.
    """
    root, _, rest = text.strip().strip("\\").partition("\\")
    root = root.rstrip(":").upper()
    full = _ROOTS.get(root, root)
    if full not in _ROOTS.values():
        raise InvalidKey(text)
    rest = "\\".join(part for part in rest.split("\\") if part)
    return f"{full}\\{rest}" if rest else full


def parse_data(kind: str, text: str) -> str:
    """Data of a type, from what was typed.

    Raises:
        ValueError: it is none of this type.
    """
    if kind not in ("REG_DWORD", "REG_QWORD"):
        if kind == "REG_BINARY":
            bytes.fromhex(text)
        return text
    number = int(text, 16) if text.lower().startswith("0x") else int(text or "0")
    if not 0 <= number < (1 << (32 if kind == "REG_DWORD" else 64)):
        raise ValueError(text)
    return f"0x{number:x}"


class Registry:
    """All keys of the machine."""

    def __init__(self) -> None:
        #: The values of each key: both names in lower case; the key's first entry is its path as it was written.
        self._keys: dict[str, tuple[str, dict[str, RegistryValue]]] = {}

    def has_key(self, path: str) -> bool:
        """Whether there is a key with this full path, or one below it."""
        return next(self.keys_below(path), None) is not None

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another key or value."""
        return sum(1 + len(values) for _, values in self._keys.values()) >= ROOM

    def keys_below(self, path: str) -> Iterator[str]:
        """The key itself, if it has been made, and all below it, as they were written."""
        wanted = path.lower()
        for key, (written, _) in self._keys.items():
            if key == wanted or key.startswith(wanted + "\\"):
                yield written

    def values(self, path: str) -> list[RegistryValue]:
        """The values of a key; none if there is no such key."""
        _, values = self._keys.get(path.lower(), ("", {}))
        return list(values.values())

    def get(self, path: str, name: str) -> RegistryValue | None:
        """A value, or None."""
        _, values = self._keys.get(path.lower(), ("", {}))
        return values.get(name.lower())

    def number(self, path: str, name: str, missing: int) -> int:
        """A value that is a number, or ``missing``."""
        value = self.get(path, name)
        if value is None or not value.data.startswith("0x"):
            return missing
        return int(value.data, 16)

    def add_key(self, path: str) -> None:
        """Make a key, if it is not there."""
        self._keys.setdefault(path.lower(), (path, {}))

    def set(self, path: str, name: str, kind: str, data: str) -> None:
        """Set a value, with its key."""
        self.add_key(path)
        values = self._keys[path.lower()][1]
        written = values[name.lower()].name if name.lower() in values else name
        values[name.lower()] = RegistryValue(written, kind, data)

    def set_number(self, path: str, name: str, number: int) -> None:
        """Set a value of type REG_DWORD."""
        self.set(path, name, "REG_DWORD", f"0x{number:x}")

    def delete_value(self, path: str, name: str) -> bool:
        """Remove a value; returns whether it was there."""
        _, values = self._keys.get(path.lower(), ("", {}))
        return values.pop(name.lower(), None) is not None

    def delete_key(self, path: str) -> bool:
        """Remove a key with all below it; returns whether it was there."""
        doomed = [key.lower() for key in self.keys_below(path)]
        for key in doomed:
            del self._keys[key]
        return bool(doomed)


def new_registry(product: str, build: int, host_name: str) -> Registry:
    """The registry of a new machine, with remote desktop switched on."""
    made = Registry()
    made.set_number(TERMINAL_SERVER, "fDenyTSConnections", 0)
    made.set_number(RDP_TCP, "PortNumber", 3389)
    made.set_number(RDP_TCP, "UserAuthentication", 1)
    made.set_number(RDP_TCP, "SecurityLayer", 2)
    made.set_number(CRASH_CONTROL, "CrashDumpEnabled", 2)
    made.set_number(CRASH_CONTROL, "AutoReboot", 0)
    made.set_number(CRASH_CONTROL, "NMICrashDump", 1)
    made.set(COMPUTER_NAME, "ComputerName", "REG_SZ", host_name)
    for name, data in (("ProductName", product), ("CurrentBuildNumber", str(build)), ("SystemRoot", r"C:\Windows")):
        made.set(_CURRENT_VERSION, name, "REG_SZ", data)
    return made
