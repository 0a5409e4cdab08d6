"""A machine elsewhere behind telnet: breaks, and with RFC 2217 speed and modem lines."""

from __future__ import annotations

from tests.guests.far_server import LoopedPort, at, receive_all_of, rfc2217_server, tcp_server
from tests.guests.line import Line, in_trio, wait_until
from uartsim.guest.telnet_codec import BINARY, BREAK, DO, ECHO, IAC, WILL, WONT
from uartsim.registers import ModemOutput

#: What we ask every server for: twelve bytes less than nothing is known of it.
OUR_REQUESTS = 9
QEMUS_WORDS = bytes((IAC, WILL, ECHO, IAC, WILL, BINARY, IAC, DO, BINARY))


@in_trio
async def test_breaks_pass_both_ways_at_their_place() -> None:
    line = Line()
    async with tcp_server("telnet") as server, line.open(at(server.address)) as machine:
        far = await server.accept()
        await far.send_all(QEMUS_WORDS)
        await receive_all_of(far, OUR_REQUESTS)
        assert await receive_all_of(far, 3) == bytes((IAC, DO, ECHO))
        line.send(b"a\r\xff")
        line.send_break()
        line.send(b"b")
        assert await receive_all_of(far, 7) == b"a\r\xff\xff" + bytes((IAC, BREAK)) + b"b"
        await far.send_all(b"c\xff\xff" + bytes((IAC, BREAK)) + b"d")
        assert await line.expect(b"d") == b"c\xffd"
        assert machine.status()["com1"]["line"]["breaks_out"] == 1


@in_trio
async def test_a_server_that_says_nothing_is_spoken_to_as_rfc_854_has_it() -> None:
    line = Line()
    async with tcp_server("telnet") as server, line.open(at(server.address)):
        far = await server.accept()
        await receive_all_of(far, OUR_REQUESTS)
        line.send(b"a\r")
        assert await receive_all_of(far, 3) == b"a\r\0"


@in_trio
async def test_a_connection_that_ends_in_half_a_command_loses_no_character() -> None:
    line = Line()
    async with tcp_server("telnet") as server, line.open(at(server.address)) as machine:
        far = await server.accept()
        await receive_all_of(far, OUR_REQUESTS)
        await far.send_all(b"last words" + bytes((IAC,)))
        await far.aclose()
        end = await machine.wait_ended()
    assert line.received == b"last words"
    assert end.detail.endswith("has closed the connection, in the middle of a telnet command")


@in_trio
async def test_a_server_that_negotiates_without_end_is_left() -> None:
    line = Line()
    async with tcp_server("telnet") as server, line.open(at(server.address)) as machine:
        far = await server.accept()
        await far.send_all(bytes((IAC, WILL, ECHO, IAC, WONT, ECHO)) * 1500)
        end = await machine.wait_ended()
    assert end.reason == "failed"
    assert "negotiates telnet options without end" in end.detail


# -- RFC 2217, with pyserial's server ----------------------------------------------------------------------------------


@in_trio
async def test_a_port_behind_rfc_2217_is_set_up_and_carries_bytes_breaks_and_modem_lines() -> None:
    line, looped = Line(), LoopedPort()
    with rfc2217_server(looped) as (address, _):
        async with line.open(at(address, baud="9600", format="7E1")) as machine:
            await wait_until(lambda: machine.status()["guest"].get("baud") == 9600)
            await wait_until(lambda: (looped.port.baudrate, looped.port.bytesize, looped.port.parity) == (9600, 7, "E"))
            line.send(b"looped\r\n")
            assert await line.expect(b"\n") == b"looped\r\n"
            line.send_break()
            await wait_until(lambda: looped.breaks == [True, False])
            assert machine.status()["guest"]["rfc2217"] is True
            await wait_until(lambda: _chips_outputs(machine) == (True, True))  # its inputs follow its outputs
            machine.com1.set_far_outputs(ModemOutput.DTR)
            await wait_until(lambda: _chips_outputs(machine) == (True, False))
            assert (looped.port.dtr, looped.port.rts) == (True, False)
            machine.com1.set_far_outputs(ModemOutput.RTS)
            await wait_until(lambda: (looped.port.dtr, looped.port.rts) == (False, True))


def _chips_outputs(machine: object) -> tuple[bool, bool]:
    modem = machine.status()["com1"]["modem"]  # type: ignore[attr-defined]
    return modem["dtr"], modem["rts"]


@in_trio
async def test_breaks_and_errors_behind_rfc_2217_are_passed_on_or_counted() -> None:
    line, looped = Line(), LoopedPort()
    with rfc2217_server(looped) as (address, send):
        async with line.open(at(address)) as machine:
            await wait_until(lambda: machine.status()["guest"].get("rfc2217"))
            for state in (0x10, 0x04, 0x04, 0x02):
                send(bytes((IAC, 250, 44, 106, state, IAC, 240)))
            send(b"behind")
            await line.expect(b"behind")
            status = machine.status()
    assert status["com1"]["line"]["breaks_out"] == 1
    assert status["guest"]["not_carried"] == {
        "characters with a parity error from the other side": 2,
        "overruns from the other side": 1,
    }
    assert len([said for said in line.logged if "'uartsim status' counts them" in said]) == 2


@in_trio
async def test_a_speed_that_the_server_sets_otherwise_is_said() -> None:
    line, looped = Line(), LoopedPort()
    with rfc2217_server(looped) as (address, send):
        async with line.open(at(address)) as machine:
            await wait_until(lambda: machine.status()["guest"].get("baud") == 115200)
            send(bytes((IAC, 250, 44, 101, 0, 0, 0x25, 0x80, IAC, 240)))
            await wait_until(lambda: any("runs at 9600 baud, not at 115200" in said for said in line.logged))


@in_trio
async def test_a_server_that_suspends_us_gets_nothing_until_it_resumes() -> None:
    line, looped = Line(), LoopedPort()
    with rfc2217_server(looped) as (address, send):
        async with line.open(at(address)) as machine:
            await wait_until(lambda: machine.status()["guest"].get("baud"))
            send(bytes((IAC, 250, 44, 108, IAC, 240)) + b"suspended")
            await line.expect(b"suspended")
            line.send(b"held back")
            await wait_until(lambda: machine.status()["com1"]["line"]["bytes_in"] == 9)
            assert line.received == b""
            send(bytes((IAC, 250, 44, 109, IAC, 240)))
            assert await line.expect(b"back") == b"held back"
