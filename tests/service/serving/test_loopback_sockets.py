"""The service's sockets: loopback only, one port for IPv4 and IPv6."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.service.serving.loopback_sockets import ADDRESSES, open_sockets


def close_all(sockets: list[socket.socket]) -> None:
    for one in sockets:
        one.close()


def has_ipv6() -> bool:
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


def test_any_free_port_is_the_same_on_all_addresses_and_all_are_loopback() -> None:
    sockets = open_sockets(0)
    try:
        assert len({one.getsockname()[1] for one in sockets}) == 1
        addresses = [one.getsockname()[0] for one in sockets]
        assert addresses == (["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"])
    finally:
        close_all(sockets)


def test_a_client_that_comes_before_the_server_waits() -> None:
    sockets = open_sockets(0, "127.0.0.1")
    try:
        with socket.create_connection(sockets[0].getsockname()) as client:
            client.sendall(b"early")
            sockets[0].setblocking(True)
            accepted, _ = sockets[0].accept()
            with accepted:
                assert accepted.recv(5) == b"early"
    finally:
        close_all(sockets)


@pytest.mark.parametrize("family", [socket.AF_INET, *([socket.AF_INET6] if has_ipv6() else [])])
def test_a_port_that_is_taken_on_one_address_is_in_use(family: socket.AddressFamily) -> None:
    with ExitStack() as stack:
        other = stack.enter_context(socket.socket(family))
        other.bind(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
        other.listen()
        with pytest.raises(UartsimError, match="is in use: end the program that has it"):
            open_sockets(other.getsockname()[1])


def test_what_is_not_loopback_is_refused_with_what_is_possible() -> None:
    with pytest.raises(UsageError, match=r"listens on loopback only, and '0\.0\.0\.0' is not there: use localhost"):
        open_sockets(0, "0.0.0.0")
    assert set(ADDRESSES) == {"localhost", "127.0.0.1", "::1"}
