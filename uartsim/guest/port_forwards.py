"""Ports of this machine that lead to ports of a guest in QEMU's user network: the option ``forward``.

They are bound to 127.0.0.1.  Unless the user names one, the kernel chooses the port, and QEMU's monitor tells which it is.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.printable import quoted

_FORM: Final = re.compile(r"(?:([0-9]{1,5}):)?([0-9]{1,5})")
_PORTS: Final = range(1, 65536)
#: A line of ``info usernet`` for a forwarded port: the port here, and the guest's.
_FORWARD: Final = re.compile(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)")


def read_forwards(value: object) -> tuple[tuple[int, int], ...]:
    """The pairs of ports that the option ``forward`` names: here (0: any), and in the guest.

    Args:
        value: ``GUESTPORT`` or ``HOSTPORT:GUESTPORT``, as text or as a number, or several of them.

    Raises:
        UsageError: one is not of that form, or a port occurs twice.
    """
    given = [value] if isinstance(value, (str, int)) else value if isinstance(value, Sequence) else [value]
    pairs: list[tuple[int, int]] = []
    for item in given:
        found = _FORM.fullmatch(str(item)) if isinstance(item, (str, int)) and not isinstance(item, bool) else None
        here, there = (int(found[1] or 0), int(found[2])) if found else (0, 0)
        if there not in _PORTS or (here and here not in _PORTS) or (found and found[1] and not here):
            raise UsageError(
                f"forward {quoted(item)}: write the guest's port, such as 22, or the one here before it, such as 2222:22"
            )
        if any(there == other or (here and here == taken) for taken, other in pairs):
            raise UsageError(f"forward {quoted(item)}: the port is given twice")
        pairs.append((here, there))
    return tuple(pairs)


class PortForwards:
    """The forwarded ports of one guest.

    Args:
        value: the option ``forward``, checked; None for none.

    Attributes:
        ports: the ports here by those of the guest, once QEMU runs.
    """

    def __init__(self, value: object) -> None:
        self._pairs = () if value is None else read_forwards(value)
        self.ports: dict[int, int] = {}

    def network(self) -> str:
        """The value of QEMU's ``-nic``.

        Raises:
            UsageError: a port here that the user names cannot be bound.
        """
        for here, _ in self._pairs:
            _check_free(here)
        rules = [f",hostfwd=tcp:127.0.0.1:{here}-:{there}" for here, there in self._pairs]
        return "user,model=virtio-net-pci" + "".join(rules)

    async def find(self, command: Callable[..., Awaitable[Any]], log: Callable[[str], None]) -> None:
        """Ask QEMU which ports it has, and tell the person.

        Args:
            command: sends a command to QEMU's monitor, and returns its answer.
            log: told a sentence for each port.
        """
        if not self._pairs:
            return
        said = await command("human-monitor-command", **{"command-line": "info usernet"})
        self.ports = {int(there): int(here) for here, there in _FORWARD.findall(str(said))}
        for there, here in self.ports.items():
            log(f"port {there} of the guest is port {here} of 127.0.0.1")


def _check_free(port: int) -> None:
    """Check that a port of 127.0.0.1 can be bound; QEMU would end, and only say that it could not set up its rule."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UsageError(
                f"forward: port {port} of 127.0.0.1 cannot be had ({error.strerror}): name another one, or leave it out"
            ) from None
