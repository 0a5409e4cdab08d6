"""Carrier and flow control of a program's tty: what a lost carrier does, and what it does not; a real agetty last."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from tests.access.rig import open_serial, running, uartsim
from tests.access.rig import wait_until as wait_for
from tests.guests.line import Line, family, guest, in_trio, left_after, wait_until
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.machine import Machine
from uartsim.machine.port_options import read_fault
from uartsim.registers import ModemOutput

UP = ModemOutput.DTR | ModemOutput.RTS
NO_CARRIER = ModemOutput.RTS
NO_CTS = ModemOutput.DTR


def shell(folder: Path, script: str, local_line: str = "never", **options: Any) -> GuestDefinition:
    return guest(
        "process", folder, {"local_line": local_line}, command=["sh", "-c", f"cd {folder}; {script}"], **options
    )


def carrier_of(machine: Machine) -> object:
    return machine.status()["guest"]["carrier"]


# -- hang-up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["dtr", "fault"])
@in_trio
async def test_lost_carrier_hangs_the_session_up(tmp_path: Path, how: str) -> None:
    line = Line()
    script = "trap 'echo hup >>told' HUP; echo up; while read x; do :; done; echo end-of-file >>told; exit 3"
    async with line.open(shell(tmp_path, script)) as machine:
        await line.expect(b"up\r\n")
        assert carrier_of(machine) == "honoured"
        if how == "dtr":
            machine.com1.set_far_outputs(NO_CARRIER)
        else:  # however short it is
            machine.com1.add_fault(read_fault("dcd-drop:seconds=0.0001"))
        end = await machine.wait_ended()
    assert sorted((tmp_path / "told").read_text().split()) == ["end-of-file", "hup"]
    assert (end.reason, end.status) == ("exited", 3)
    assert "carrier was lost" in end.detail


@in_trio
async def test_a_program_that_ignores_sighup_finds_its_tty_dead(tmp_path: Path) -> None:
    line = Line()
    script = "trap '' HUP; echo up; read x; if echo more; then echo written >told; else echo dead >told; fi"
    async with line.open(shell(tmp_path, script)) as machine:
        await line.expect(b"up\r\n")
        machine.com1.set_far_outputs(NO_CARRIER)
        await machine.wait_ended()
    assert (tmp_path / "told").read_text() == "dead\n"
    assert b"more" not in line.received


@pytest.mark.parametrize("local_line", ["always", "auto"])
@in_trio
async def test_with_clocal_a_lost_carrier_is_ignored(tmp_path: Path, local_line: str) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "echo up; read x; echo got $x; read x", local_line)) as machine:
        await line.expect(b"up\r\n")
        assert carrier_of(machine) == "ignored: CLOCAL"
        machine.com1.set_far_outputs(NO_CARRIER)
        line.send(b"it\r")
        await line.expect(b"got it\r\n")
        assert machine.status()["com1"]["modem"]["dcd"] is False


@pytest.mark.parametrize(
    ("local_line", "mode", "carrier"), [("never", "clocal", "ignored: CLOCAL"), ("always", "-clocal", "honoured")]
)
@in_trio
async def test_what_counts_is_the_clocal_that_the_program_has_set(
    tmp_path: Path, local_line: str, mode: str, carrier: str
) -> None:
    line = Line()
    async with line.open(shell(tmp_path, f"stty {mode}; echo up; read x; echo got $x; read x", local_line)) as machine:
        await line.expect(b"up\r\n")
        assert carrier_of(machine) == carrier
        machine.com1.set_far_outputs(NO_CARRIER)
        if mode == "clocal":
            line.send(b"it\r")
            await line.expect(b"got it\r\n")
        else:
            assert "carrier was lost" in (await machine.wait_ended()).detail


@in_trio
async def test_a_guest_without_clocal_starts_when_carrier_comes(tmp_path: Path) -> None:
    line = Line()
    # Before power-on: the fault of the line is there from the first moment.
    async with line.open(shell(tmp_path, "echo up; read x"), faults=["dcd-drop"]) as machine:
        line.send(b"typed too early\r")
        await trio.sleep(0.3)
        assert line.received == b""
        assert carrier_of(machine) == "honoured: the program starts when carrier comes"
        machine.com1.clear_faults("dcd-drop")
        await line.expect(b"up\r\n")
        assert carrier_of(machine) == "honoured"
        await trio.sleep(0.1)
        assert machine.ended is None, "what was typed before is not input"


@in_trio
async def test_a_respawned_program_waits_for_carrier_and_finds_a_working_tty(tmp_path: Path) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "echo up; read x; echo got $x; read x", respawn=True)) as machine:
        for _ in range(7):  # more often than a program may die at once
            await line.expect(b"up\r\n")
            line.send(b"it\r")
            await line.expect(b"got it\r\n")
            machine.com1.set_far_outputs(NO_CARRIER)
            await wait_until(lambda: carrier_of(machine) == "honoured: the program starts when carrier comes")
            assert line.received == b""
            machine.com1.set_far_outputs(UP)


@in_trio
async def test_dtr_drops_with_the_hang_up_and_rises_when_the_tty_is_opened_again(tmp_path: Path) -> None:
    line = Line()
    script = "trap '' HUP; echo up; read x; while [ ! -e go ]; do sleep 0.02; done"

    def dtr(machine: Machine) -> object:
        return machine.status()["com1"]["modem"]["dtr"]

    async with line.open(shell(tmp_path, script, respawn=True)) as machine:
        await line.expect(b"up\r\n")
        assert dtr(machine)
        machine.com1.set_far_outputs(NO_CARRIER)
        await wait_until(lambda: not dtr(machine))
        (tmp_path / "go").touch()
        await wait_until(lambda: dtr(machine))


@in_trio
async def test_output_of_a_session_that_was_hung_up_does_not_reach_the_next(tmp_path: Path) -> None:
    line = Line()
    script = "[ -e once ] && { echo second; read x; }; touch once; yes flood"
    async with line.open(shell(tmp_path, script, respawn=True)) as machine:
        await line.expect(b"flood\r\n")
        machine.com1.set_far_outputs(NO_CARRIER)
        await wait_until(lambda: carrier_of(machine) != "honoured")
        await trio.sleep(0.05)  # what was in the chip
        line.received = b""
        machine.com1.set_far_outputs(UP)
        assert await line.expect(b"second\r\n") == b"second\r\n"


@in_trio
async def test_reset_works_while_the_guest_waits_for_carrier_and_after_a_hang_up(tmp_path: Path) -> None:
    line = Line()
    async with line.open(shell(tmp_path, "echo up; read x", respawn=True)) as machine:
        await line.expect(b"up\r\n")
        machine.com1.set_far_outputs(NO_CARRIER)
        await wait_until(lambda: carrier_of(machine) != "honoured")
        await machine.reset()
        await trio.sleep(0.2)
        assert line.received == b""
        machine.com1.set_far_outputs(UP)
        await line.expect(b"up\r\n")
        await machine.reset()
        await line.expect(b"up\r\n")


def test_a_local_line_that_cannot_be_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="setting 'local_line': 'sometimes' is not one of always, auto, never"):
        make_guest(shell(tmp_path, "true", "sometimes"))


# -- flow control --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uart", ["16450", "16550A", "16750"])
@in_trio
async def test_crtscts_of_the_program_makes_cts_stop_its_output(tmp_path: Path, uart: str) -> None:
    line = Line()
    script = "stty crtscts; echo on; read x; while [ ! -e go ]; do sleep 0.02; done; stty -crtscts; echo off; read x"
    async with line.open(shell(tmp_path, script, "always"), uart=uart) as machine:
        await line.expect(b"on\r\n")
        machine.com1.set_far_outputs(NO_CTS)
        line.send(b"held\r")  # its echo
        await trio.sleep(0.2)
        assert line.received == b""
        machine.com1.set_far_outputs(UP)
        await line.expect(b"held\r\n")
        machine.com1.set_far_outputs(NO_CTS)
        (tmp_path / "go").touch()
        await line.expect(b"off\r\n")


@in_trio
async def test_under_crtscts_a_program_that_does_not_read_drops_rts_and_loses_nothing_on_a_strict_line(
    tmp_path: Path,
) -> None:
    line = Line()
    script = (
        "stty raw -echo crtscts; echo ready; head -c 1 >/dev/null; while [ ! -e go ]; do sleep 0.02; done; "
        "head -c 200000 | md5sum; read x"
    )
    data = bytes(range(250)) * 800  # the kernel's pty takes some 64 KiB of it
    async with line.open(
        shell(tmp_path, script, "always"), strict_line=True, flow_control=True, unlimited=True
    ) as machine:

        def rts() -> object:
            return machine.status()["com1"]["modem"]["rts"]

        await line.expect(b"ready\n")
        line.send(b"x" + data)
        await wait_until(lambda: not rts())
        (tmp_path / "go").touch()
        assert hashlib.md5(data).hexdigest().encode() in await line.expect(b"-\n")
        await wait_until(rts)
        assert machine.status()["com1"]["line"]["overruns"] == 0


# -- the real agetty and login -------------------------------------------------------------------------------------


@pytest.mark.needs(guest="agetty")
@in_trio
async def test_agetty_that_honours_carrier_is_hung_up_and_asks_again_only_when_carrier_is_back() -> None:
    line = Line()
    async with line.open(find_guest("agetty").with_settings({"local_line": "never"})) as machine:
        await line.log_in()
        assert "-clocal" in await line.run("stty -a | tr ' ;' '\\n' | grep -x -e -clocal -e clocal")
        assert carrier_of(machine) == "honoured"
        session = family(os.getpid(), "login", "bash")
        line.send(b"sh -c 'trap \"echo by SIGHUP >told; exit\" HUP; echo on; while :; do sleep 0.05; done'\r")
        await line.expect(b"\r\non\r\n")
        machine.com1.set_far_outputs(NO_CARRIER)
        await wait_until(lambda: carrier_of(machine) == "honoured: the program starts when carrier comes")
        await trio.sleep(0.5)
        assert b"login" not in line.received
        assert left_after(session) == set()
        machine.com1.set_far_outputs(UP)
        await line.log_in()
        assert await line.run("cat told") == "by SIGHUP"
        assert "stty -a" in await line.run("cat .bash_history"), "the shell could write its history"


@pytest.mark.needs(guest="agetty")
@in_trio
async def test_agetty_with_clocal_keeps_the_session_through_a_lost_carrier() -> None:
    line = Line()
    async with line.open(find_guest("agetty")) as machine:
        await line.log_in()
        assert carrier_of(machine) == "ignored: CLOCAL"
        shell_pid = await line.run("echo $$")
        machine.com1.set_far_outputs(ModemOutput(0))
        assert await line.run("echo $$") == shell_pid
        machine.com1.set_far_outputs(UP)
        assert await line.run("echo $$") == shell_pid


@pytest.mark.needs(guest="agetty")
def test_the_command_modem_hangs_a_login_up_and_lets_the_next_one_begin(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    runtime = tmp_path_factory.mktemp("r")  # its path is short, because sockets lie in it

    def carrier() -> object:
        return machine.status()["guest"]["carrier"]

    with (
        running(runtime, "agetty", "box", "--set", "local_line=never") as machine,
        open_serial(machine.link) as client,
    ):
        client.read_until(b"login: ")
        client.write(b"root\r")
        client.read_until(b"Password: ")
        client.write(b"toor\r")
        assert client.read_until(b":~# ").endswith(b":~# ")
        uartsim(runtime, "modem", "box", "--no-dtr")
        wait_for(lambda: carrier() == "honoured: the program starts when carrier comes", "the hang-up")
        assert client.in_waiting == 0
        uartsim(runtime, "modem", "box", "--dtr")
        assert client.read_until(b"login: ").endswith(b"agetty login: ")
