"""The guest u-boot-arm64: a machine whose serial port is a PL011, and what cannot be had with one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.guests.line import Line, guest, in_trio
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.qmp import QmpError
from uartsim.guest.start_checks import check_start


@pytest.mark.needs(guest="u-boot-arm64")
class TestUBootArm64:
    @in_trio
    async def test_commands_are_answered_and_the_machine_is_a_64_bit_arm(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot-arm64")) as machine:
            assert b"Hit any key to stop autoboot" in await line.expect(b"=> ")
            line.send(b"version\r")
            said = await line.expect(b"=> ")
            assert b"U-Boot 20" in said
            assert b"aarch64" in said
            assert isinstance(machine.guest, QemuGuest)
            assert await machine.guest._command_by_qmp("query-target") == {"arch": "aarch64"}
            status = machine.status()
            assert status["guest"]["served"] == "bytes"
            assert status["com1"]["line"]["overruns"] == 0
        assert line.logged == []  # nothing was tried that cannot work

    @in_trio
    async def test_the_reset_button_and_its_own_reset_bring_a_new_prompt(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot-arm64")) as machine:
            await line.expect(b"=> ")
            await machine.reset()
            assert b"Hit any key" in await line.expect(b"\r\n=> ")
            line.send(b"reset\r")
            assert b"Hit any key" in await line.expect(b"\r\n=> ")

    @in_trio
    async def test_a_break_leaves_the_characters_around_it_alone(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot-arm64")):
            await line.expect(b"=> ")
            line.send(b"echo be")
            line.send_break()
            line.send(b"fore\r")
            assert b"fore" in await line.expect(b"\r\n=> ")

    @in_trio
    async def test_a_button_that_the_machine_lacks_is_an_error(self) -> None:
        line = Line()
        async with line.open(find_guest("u-boot-arm64")) as machine:
            await line.expect(b"=> ")
            with pytest.raises(QmpError, match="inject-nmi"):
                await machine.nmi()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"registers": "require"}, "register by register: .* is a PL011, not a 16550A; leave the option"),
        ({"port": "com2"}, "has no port 'com2': .* is a PL011"),
    ],
)
def test_what_needs_a_16550a_is_refused(option: dict[str, Any], message: str, tmp_path: Path) -> None:
    definition = guest("qemu", tmp_path, system="aarch64", **option)
    with pytest.raises(UsageError, match=message):
        make_guest(definition)
    with pytest.raises(UsageError, match=message):
        check_start(definition)


def test_a_missing_qemu_is_named_with_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.guest.qemu_system.find_program", lambda name: None)
    with pytest.raises(UsageError, match="qemu-system-aarch64 is missing: apt-get install qemu-system-arm"):
        check_start(guest("qemu", tmp_path, system="aarch64"))


def test_a_system_that_is_not_known_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "guest.toml").write_text('[guest]\nkind = "qemu"\ndescription = "x"\n[qemu]\nsystem = "arm64"\n')
    with pytest.raises(UsageError, match=r"guest\.toml:5: unknown system 'arm64'"):
        find_guest(str(tmp_path))
