"""Addresses of machines that run elsewhere, and guests that are made of nothing but such an address.

======================  =========================================================================================
``unix:PATH``           a UNIX socket on which QEMU, cloud-hypervisor, libvirt or socat listens
``tcp:HOST:PORT``       the same over TCP; an IPv6 address is written in brackets
``telnet:HOST:PORT``    TCP with the telnet protocol: QEMU's ``telnet=on``, a console server, ser2net; breaks, and with
                        RFC 2217 speed and modem lines
``pty:PATH``            a pty that another program has announced, such as QEMU's ``-serial pty``
``device:PATH``         a serial port of this machine, such as ``/dev/ttyUSB0``, through pyserial
======================  =========================================================================================

We are always the client.  Everything that offers a serial port can listen, and with QEMU's ``server=on,wait=on`` the
machine starts when we connect, so that no byte is lost.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, Need

#: The longest path of a UNIX socket in bytes: ``sun_path`` has 108, the last of which is NUL (unix(7)).
SOCKET_PATH_BYTES: Final = 107
#: The addresses of guests of kind socket.
SOCKET_SCHEMES: Final = ("unix", "tcp", "telnet", "pty")
#: How addresses are written, for messages.
WAYS: Final = "unix:PATH, tcp:HOST:PORT, telnet:HOST:PORT or pty:PATH"

#: The kernel's major numbers of ptys, of the side that a program is a client of (devices.txt of the kernel).
PTY_MAJORS: Final = range(136, 144)

_PTYS: Final = "/dev/pts/"
_NEEDS_PYSERIAL: Final = Need("python", "serial", "pip install 'uartsim[device]'")
_SETTINGS: Final[dict[str, Any]] = {"baud": 115200, "format": "8N1", "reconnect": False}
_OF_SOCKETS: Final[dict[str, Any]] = {"qmp": "", "chardev": "serial0"}
_OF_DEVICES: Final[dict[str, Any]] = {"flow": "none"}


@dataclass(frozen=True, slots=True)
class RemoteAddress:
    """Where a machine's serial port is.

    Attributes:
        scheme: one of :data:`SOCKET_SCHEMES`.
        path: the path of a socket or pty; empty for TCP.
        host: the host for TCP, or empty.
        port: the TCP port, or 0.
    """

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}:{self.path or f'{host}:{self.port}'}"


def parse_address(text: str) -> RemoteAddress:
    """Parse the address of a socket or pty.

    Raises:
        UsageError: it is not an address; the message says what is wrong and how it is written.
    """
    scheme, _, rest = text.partition(":")
    if scheme not in SOCKET_SCHEMES:
        raise UsageError(f"{text!r} is not the address of a serial port elsewhere: write {WAYS}")
    if not rest or "\0" in rest:
        raise UsageError(f"the address {text!r} names nothing: write {WAYS}")
    if scheme in ("tcp", "telnet"):
        return RemoteAddress(scheme, "", *_host_and_port(text, rest))
    path = os.path.expanduser(rest)
    if scheme == "unix" and (size := len(os.fsencode(path))) > SOCKET_PATH_BYTES:
        raise UsageError(
            f"the path of the socket {path} has {size} bytes, and the system allows {SOCKET_PATH_BYTES}: use a relative "
            "path, or a symbolic link with a shorter one"
        )
    return RemoteAddress(scheme, path)


def _host_and_port(text: str, rest: str) -> tuple[str, int]:
    match = re.fullmatch(r"(?:\[([^\[\]]+)\]|([^:\[\]]*)):([0-9]{1,9})", rest, re.ASCII)
    if match is None:
        raise UsageError(f"the address {text!r} lacks a port, or is unclear: write {text.partition(':')[0]}:HOST:PORT")
    host, port = match[1] or match[2] or "127.0.0.1", int(match[3])
    if not 1 <= port <= 65535:
        raise UsageError(f"the address {text!r} has port {port}: use 1 to 65535")
    return host, port


def remote_guest(text: str) -> GuestDefinition | None:
    """The guest that an address, or the path of a serial device, of a pty or of a socket stands for, or None.

    A path may be a link, as ``uartsim run`` makes to its pty.

    Args:
        text: what the user named, such as ``unix:/tmp/console``, ``device:/dev/ttyUSB0`` or ``/dev/ttyUSB0``.

    Raises:
        UsageError: it is an address, but a wrong one.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "device":
        if not rest:
            raise UsageError(f"the address {text!r} names no device: write device:PATH, such as device:/dev/ttyUSB0")
        return _device(rest)
    if scheme in SOCKET_SCHEMES and text != scheme:
        return _socket(text)
    if os.sep not in text:
        return None
    try:
        found = os.stat(text)
    except FileNotFoundError:
        if text.startswith(_PTYS):
            return _socket(f"pty:{text}")
        return _device(text) if text.startswith("/dev/") else None
    except (OSError, ValueError):
        return None
    if stat.S_ISCHR(found.st_mode):
        return _socket(f"pty:{text}") if os.major(found.st_rdev) in PTY_MAJORS else _device(text)
    return _socket(f"unix:{text}") if stat.S_ISSOCK(found.st_mode) else None


def line_key(definition: GuestDefinition) -> str:
    """What is the same for every way to name one line of a machine elsewhere, such as a path with ``..`` or by a link.

    Args:
        definition: a guest of kind ``socket`` or ``device``.
    """
    options = definition.options
    written = str(options.get("address") or f"device:{options.get('path', '')}")
    with_settings = repr((sorted(options.items()), sorted(definition.settings.items())))
    if "{" in written.replace("{{", ""):  # a setting has a part of it
        return with_settings
    text = written.replace("{{", "{").replace("}}", "}")
    scheme, _, path = text.partition(":")
    try:
        address = parse_address(text) if scheme != "device" else RemoteAddress(scheme, path)
        return os.path.realpath(address.path) if address.path else f"{address.host}:{address.port}"
    except (UsageError, OSError, ValueError):
        return with_settings


def _socket(text: str) -> GuestDefinition:
    address = parse_address(text)
    return GuestDefinition(
        name=_name(os.path.basename(address.path) or f"{address.host}-{address.port}", address.scheme),
        kind="socket",
        description=f"a machine elsewhere, at {address}",
        folder=Path.cwd(),
        needs=(),
        settings=MappingProxyType(_SETTINGS | _OF_SOCKETS),
        options=MappingProxyType({"address": _literal(text)}),
    )


def _device(path: str) -> GuestDefinition:
    return GuestDefinition(
        name=_name(os.path.basename(path), "device"),
        kind="device",
        description=f"a machine at the serial device {path}",
        folder=Path.cwd(),
        needs=(_NEEDS_PYSERIAL,),
        settings=MappingProxyType(_SETTINGS | _OF_DEVICES),
        options=MappingProxyType({"path": _literal(path)}),
    )


def _literal(text: str) -> str:
    """``text`` as a manifest would write it, where braces mark placeholders."""
    return text.replace("{", "{{").replace("}", "}}")


def _name(text: str, scheme: str) -> str:
    """A machine's name for an address: letters, digits and ``_.+-``, at most 64; a bare number gets the scheme before it."""
    name = re.sub(r"[^A-Za-z0-9_.+-]+", "-", text)[:48].strip(".+-")
    return f"{scheme}-{name}".rstrip("-") if not name or name[0].isdigit() else name
