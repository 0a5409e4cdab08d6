"""The listening sockets of the service: on loopback only, over IPv4 and, where there is one, IPv6 with the same port."""

from __future__ import annotations

import errno
import socket
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.printable import quoted

#: The port, unless another is given.
DEFAULT_PORT: Final = 8443
#: What an address can be, and what is listened on then.
ADDRESSES: Final = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}
_BACKLOG: Final = 128
#: How often another free port is tried, if the one found is taken on IPv6.
_TRIES: Final = 20


def open_sockets(port: int, address: str = "localhost") -> list[socket.socket]:
    """Listening sockets on loopback, all with one port.

    Args:
        port: the port; 0 for any that is free.
        address: ``localhost``, ``127.0.0.1`` or ``::1``.

    Raises:
        UsageError: the address is not one of these, or the port may not be used.
        UartsimError: the port is in use.
    """
    if address not in ADDRESSES:
        raise UsageError(
            f"the service listens on loopback only, and {quoted(address)} is not there: use {', '.join(ADDRESSES)}"
        )
    for _ in range(_TRIES if port == 0 else 1):
        try:
            return _open_all(port, ADDRESSES[address])
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port == 0:
                continue
            if error.errno == errno.EADDRINUSE:
                raise UartsimError(
                    f"port {port} is in use: end the program that has it, or give another with --port (0: any free one)"
                ) from None
            if error.errno in (errno.EACCES, errno.EPERM):
                raise UsageError(f"port {port} is not open to this user: give one above 1023 with --port") from None
            if error.errno == errno.EADDRNOTAVAIL:
                raise UsageError(f"this machine has no address {address}: give another with --bind") from None
            raise
    raise UartsimError("no port is free on 127.0.0.1 and ::1 alike: give one with --port")


def _open_all(port: int, addresses: tuple[str, ...]) -> list[socket.socket]:
    opened: list[socket.socket] = []
    try:
        for address in addresses:
            try:
                opened.append(_open(port, address))
            except OSError as error:
                has_no_ipv6 = error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
                if not opened or not has_no_ipv6:
                    raise
            port = opened[0].getsockname()[1]
    except BaseException:
        for one in opened:
            one.close()
        raise
    return opened


def _open(port: int, address: str) -> socket.socket:
    is_ipv6 = ":" in address
    opened = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if is_ipv6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((address, port))
        opened.listen(_BACKLOG)
        opened.setblocking(False)
    except BaseException:
        opened.close()
        raise
    return opened
