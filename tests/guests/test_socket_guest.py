"""A machine elsewhere behind a plain socket or a pty: its bytes, its end, and its buttons."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import termios
from contextlib import ExitStack
from pathlib import Path

import pytest
import trio

from tests.guests.far_server import at, receive_all_of, tcp_server, unix_server
from tests.guests.line import Line, guest, in_trio, wait_until
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.make_guest import make_guest

DATA = random.Random(12).randbytes(3000)


@in_trio
async def test_every_byte_passes_both_ways(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, line.open(at(server.address)) as machine:
        far = await server.accept()
        await far.send_all(DATA + b"end")
        assert await line.expect(b"end") == DATA + b"end"
        line.send(DATA)
        assert await receive_all_of(far, len(DATA)) == DATA
        status = machine.status()
        assert status["com1"]["thr_writes"] == len(DATA) + 3
        assert status["guest"] == {"at": server.address, "connected": True, "connections": 1, "not_carried": {}}


@in_trio
async def test_tcp_carries_the_same(tmp_path: Path) -> None:
    line = Line()
    async with tcp_server() as server, line.open(at(server.address)):
        far = await server.accept()
        await far.send_all(DATA + b"end")
        assert await line.expect(b"end") == DATA + b"end"
        line.send(DATA)
        assert await receive_all_of(far, len(DATA)) == DATA


@in_trio
async def test_what_the_other_side_sent_before_it_closed_still_arrives(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, line.open(at(server.address, baud="19200")) as machine:
        far = await server.accept()
        await far.send_all(DATA)
        await far.aclose()
        end = await machine.wait_ended()
        assert line.received == DATA
        assert str(end) == f"exited: {server.address}: the other side has closed the connection"


@in_trio
async def test_what_was_typed_and_not_taken_is_said_at_the_end(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server:
        async with line.open(at(server.address), rate="unlimited") as machine:
            far = await server.accept()
            line.send(bytes(1 << 20))
            await wait_until(lambda: machine.status()["com1"]["line"]["bytes_in"] > 200_000)
            await far.aclose()
            await machine.wait_ended()
        said = re.search(r"the last (\d+) bytes that were typed did not reach the other side", line.logged[-1])
        assert said is not None
        assert 500_000 < int(said[1]) < 1 << 20  # the rest is in the socket


@in_trio
async def test_an_other_side_that_never_reads_still_speaks_and_lets_us_go(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, line.open(at(server.address), rate="unlimited") as machine:
        far = await server.accept()
        line.send(bytes(4 << 20))
        await far.send_all(b"still here")
        await line.expect(b"still here")
        assert machine.status()["com1"]["line"]["queued_in"] > 1 << 20  # it waits at the far end: nothing is lost
        machine.power_off()
        await machine.wait_ended()


@in_trio
async def test_a_flood_has_to_wait_for_the_line(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, line.open(at(server.address, baud="9600")) as machine:
        far = await server.accept()
        sent = 0
        with trio.move_on_after(1):
            while True:
                await far.send_all(bytes(10_000))
                sent += 10_000
        assert sent < 2 << 20
        assert len(line.received) < 10_000
        assert machine.ended is None


@in_trio
async def test_another_side_that_comes_back_is_reached_again(tmp_path: Path) -> None:
    line = Line()
    path = tmp_path / "console"
    async with line.open(at(f"unix:{path}", reconnect="true")) as machine:
        await wait_until(lambda: line.logged)
        assert line.logged[0].startswith(f"there is no socket {path}")
        assert line.logged[0].endswith("; waiting until it can be reached")
        async with unix_server(path) as server:
            far = await server.accept()
            await far.send_all(b"first")
            await line.expect(b"first")
            assert machine.status()["com1"]["modem"]["dtr"]
            await far.aclose()
        await wait_until(lambda: not machine.status()["com1"]["modem"]["dtr"])
        assert line.logged[-1].endswith("has closed the connection; waiting until it can be reached again")
        line.send(b"meanwhile")
        async with unix_server(path) as server:
            far = await server.accept()
            assert await receive_all_of(far, 9) == b"meanwhile"
            await far.send_all(b"second")
            await line.expect(b"second")
            assert machine.status()["guest"]["connections"] == 2
            machine.power_off()
            await machine.wait_ended()


# -- the buttons -------------------------------------------------------------------------------------------------------


@in_trio
async def test_without_a_known_button_nothing_happens(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, line.open(at(server.address)) as machine:
        far = await server.accept()
        before = machine.status()["com1"]["registers"]
        with pytest.raises(UsageError, match="runs elsewhere, and no reset button of it is known: nothing happened"):
            await machine.reset()
        with pytest.raises(UsageError, match=r"no NMI button .* a command \(nmi_command in a guest.toml\)"):
            await machine.nmi()
        assert machine.status()["com1"]["registers"] == before
        assert machine.status()["resets"] == machine.status()["nmis"] == 0
        await far.send_all(b"unharmed")
        await line.expect(b"unharmed")


@in_trio
async def test_a_command_presses_a_button(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server:
        definition = guest(
            "socket",
            tmp_path,
            {"baud": 115200, "mark": "pressed"},
            address=server.address,
            reset_command=["sh", "-c", "echo {mark} > {folder}/reset"],
            nmi_command=["sh", "-c", "echo no relay; exit 3"],
        )
        async with line.open(definition) as machine:
            far = await server.accept()
            await machine.reset()
            assert (tmp_path / "reset").read_text() == "pressed\n"
            with pytest.raises(UartsimError, match="ended with status 3: no relay"):
                await machine.nmi()
            await far.send_all(b"goes on")
            await line.expect(b"goes on")


@in_trio
async def test_a_break_that_cannot_be_carried_is_said_and_counted(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, line.open(at(server.address)) as machine:
        far = await server.accept()
        line.send(b"before")
        line.send_break()
        line.send(b"after")
        assert await receive_all_of(far, 11) == b"beforeafter"
        assert machine.status()["guest"]["not_carried"] == {"breaks to the other side": 1}
        assert "a plain socket carries no break" in line.logged[-1]


@in_trio
async def test_a_monitor_that_is_not_one_is_said(tmp_path: Path) -> None:
    line = Line()
    async with unix_server(tmp_path / "console") as server, unix_server(tmp_path / "monitor") as monitor:
        definition = at(server.address, qmp=str(tmp_path / "monitor"))
        async with line.open(definition) as machine, trio.open_nursery() as nursery:
            await server.accept()

            async def greet_wrongly() -> None:
                stream = await monitor.accept()
                await stream.send_all(b"220 mail\r\n")

            nursery.start_soon(greet_wrongly)
            with pytest.raises(UartsimError, match="QEMU has ended"):
                await machine.reset()
        line = Line()
        async with line.open(at(server.address, qmp=str(tmp_path / "none"))) as machine:
            with pytest.raises(UsageError, match="there is no socket"):
                await machine.nmi()


# -- a pty -------------------------------------------------------------------------------------------------------------


@in_trio
async def test_a_pty_is_set_raw_and_put_back(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        found = termios.tcgetattr(slave)
        line = Line()
        async with line.open(at(f"pty:{os.ttyname(slave)}")) as machine:
            os.write(master, bytes(range(256)))
            await line.expect(bytes(range(256)))
            line.send(bytes(range(256)))
            await wait_until(lambda: machine.status()["com1"]["line"]["bytes_in"] == 256)
            read = b""
            while len(read) < 256:
                await trio.lowlevel.wait_readable(master)
                read += os.read(master, 1000)
            assert read == bytes(range(256))
        assert termios.tcgetattr(slave) == found
        os.write(master, b"not hung up\n")
        assert os.read(slave, 100) == b"not hung up\n"
    finally:
        os.close(master)
        os.close(slave)


@in_trio
async def test_a_pty_that_is_closed_ends_the_guest(tmp_path: Path) -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    line = Line()
    async with line.open(at(f"pty:{path}")) as machine:
        os.close(slave)
        os.close(master)
        end = await machine.wait_ended()
    assert (end.reason, end.detail) == ("exited", f"pty:{path}: the program behind {path} has closed it")


# -- what is wrong -----------------------------------------------------------------------------------------------------


async def why_not(address: str, **settings: str) -> str:
    """What is said when a machine at an address cannot be started."""
    with pytest.raises(UsageError) as refused:
        async with Line().open(at(address, **settings)):
            pass
    return str(refused.value)


@in_trio
async def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no socket")
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(tmp_path / "dead"))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert "there is no socket" in await why_not(f"unix:{tmp_path}/none")
    assert "is not a socket" in await why_not(f"unix:{tmp_path}/file")
    assert "is not a socket" in await why_not(f"unix:{tmp_path}")
    assert "nobody listens on the socket" in await why_not(f"unix:{tmp_path}/dead")
    assert "nobody listens at" in await why_not(f"tcp:127.0.0.1:{port}")
    assert "cannot be found" in await why_not("tcp:no-such-host.invalid:4555")
    assert "cannot be found" in await why_not(f"tcp:{'x' * 300}:4555")
    assert "there is no device" in await why_not("pty:/dev/pts/99999")
    assert "is not a terminal" in await why_not("pty:/dev/null")
    assert "is a file" in await why_not(f"pty:{tmp_path}/file")
    assert "a folder" in await why_not(f"pty:{tmp_path}")


@in_trio
async def test_a_socket_that_another_program_holds_is_said(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, ExitStack() as others:
        listening.bind(str(tmp_path / "console"))
        listening.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:  # the queue of those that nobody has accepted is short
                other = others.enter_context(socket.socket(socket.AF_UNIX))
                other.setblocking(False)
                other.connect(str(tmp_path / "console"))
        assert "another program is connected" in await why_not(f"unix:{tmp_path}/console")


@in_trio
async def test_a_speed_that_the_chip_does_not_have_needs_the_unlimited_rate(tmp_path: Path) -> None:
    async with unix_server(tmp_path / "console") as server:
        assert "at the rate unlimited, the other side may have any speed" in await why_not(
            server.address, baud="921600"
        )
        line = Line()
        async with line.open(at(server.address, baud="921600"), rate="unlimited"):
            far = await server.accept()
            await far.send_all(b"fast")
            await line.expect(b"fast")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"baud": "0"}, "not a valid speed"),
        ({"format": "9N1"}, "not a character format"),
        ({"qmp": "x:y"}, "write unix"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make_guest(at("unix:/tmp/console", **settings))


@pytest.mark.parametrize("text", ["pty:/dev/pts/7", "device:/dev/pts/7"])
def test_a_pty_by_its_number_is_not_waited_for(text: str) -> None:
    with pytest.raises(UsageError, match="may be anybody's; name a link"):
        make_guest(at(text, reconnect="true"))


def test_an_unknown_placeholder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown placeholder \{port\}"):
        make_guest(guest("socket", tmp_path, {}, address="tcp:box:{port}"))
