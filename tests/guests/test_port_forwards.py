"""Ports of this machine that lead into a guest in QEMU."""

from __future__ import annotations

import socket

import pytest
import trio

from uartsim.console.open_console import open_console
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.guest.own_disk import with_machine
from uartsim.guest.port_forwards import read_forwards


@pytest.mark.parametrize(
    ("value", "pairs"),
    [
        (22, ((0, 22),)),
        ("22", ((0, 22),)),
        ("2222:22", ((2222, 22),)),
        (["22", "8080:80", 443], ((0, 22), (8080, 80), (0, 443))),
    ],
)
def test_ports_are_read_in_each_form(value: object, pairs: tuple[tuple[int, int], ...]) -> None:
    assert read_forwards(value) == pairs


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("ssh", "forward 'ssh': write the guest's port, such as 22"),
        ("22:", "write the guest's port"),
        (0, "write the guest's port"),
        (65536, "write the guest's port"),
        ("0:22", "write the guest's port"),
        ("70000:22", "write the guest's port"),
        (-22, "write the guest's port"),
        (True, "write the guest's port"),
        ({}, "write the guest's port"),
        (["22", "2222:22"], "forward '2222:22': the port is given twice"),
        (["2222:22", "2222:23"], "forward '2222:23': the port is given twice"),
    ],
)
def test_value_that_is_no_port_is_a_sentence(value: object, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        with_machine(find_guest("linux"), forward=value)


def test_forward_implies_qemu_s_network_and_excludes_none() -> None:
    options = with_machine(find_guest("linux"), forward=22).options
    assert (options["net"], options["forward"]) == ("user", ("22",))
    with pytest.raises(UsageError, match="net is 'none': leave one of them out"):
        with_machine(find_guest("linux"), forward=22, net="none")
    with pytest.raises(UsageError, match="only a guest in QEMU has the option 'forward'"):
        with_machine(find_guest("demo"), forward=22)


@pytest.mark.needs(guest="seabios")
def test_kernel_chooses_the_port_and_it_is_told_and_listened_on() -> None:
    async def main() -> None:
        async with open_console("seabios", forward=[22, 80], registers=True) as console:
            ports = console.line.forwards
            assert set(ports) == {22, 80}
            for port in ports.values():
                with socket.create_connection(("127.0.0.1", port), timeout=5):
                    pass

    trio.run(main)


@pytest.mark.needs(guest="seabios")
def test_port_that_another_program_has_is_named() -> None:
    async def main(port: int) -> None:
        async with open_console("seabios", forward=f"{port}:22", registers=True):
            raise AssertionError("the guest has started")

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 cannot be had .Address already in use."):
            trio.run(main, port)
