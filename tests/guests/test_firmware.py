"""Boot code of our own in a CPU emulator: the guest firmware."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest
import trio

from tests.guests.line import Line, guest, in_trio
from tests.patience import patience
from uartsim.errors import UsageError
from uartsim.guest.assembler_listing import read_listing
from uartsim.guest.catalogue import GuestDefinition, catalogue_folder, find_guest
from uartsim.guest.make_guest import make_guest

#: mov dx, 3F8h; mov al, 'R'; out dx, al; mov al, 0FEh; out 64h, al
RESETS = "7C00 BAF803 \n7C03 B052 \n7C05 EE \n7C06 B0FE \n7C08 E664 \n7C0A F4\n"


def code(folder: Path, listing: str) -> GuestDefinition:
    (folder / "code.lst").write_text(listing)
    return guest("firmware", folder, listing="code.lst")


class TestListing:
    def test_bytes_stand_behind_their_address_and_the_rest_is_for_the_reader(self, tmp_path: Path) -> None:
        file = tmp_path / "a.lst"
        file.write_text("; a comment\n7C00 FA    start: cli\n\n7C01 31C0  xor ax, ax\nFACE is no code\n7C03 F4\n")
        assert read_listing(file) == (0x7C00, b"\xfa\x31\xc0\xf4")

    @pytest.mark.parametrize(
        ("text", "words"),
        [("7C00 FA\n7C02 F4\n", "a.lst:2: address 7C02 after 7C01"), ("; nothing\n", "no line of code")],
    )
    def test_a_gap_or_no_code_is_refused(self, tmp_path: Path, text: str, words: str) -> None:
        (tmp_path / "a.lst").write_text(text)
        with pytest.raises(UsageError, match=words):
            read_listing(tmp_path / "a.lst")

    @pytest.mark.needs("as")
    def test_the_bytes_of_our_listing_are_what_its_source_says(self, tmp_path: Path) -> None:
        listing = catalogue_folder() / "firmware" / "boot.lst"
        source = [".code16", ".intel_syntax noprefix"]
        for line in listing.read_text().splitlines():
            if not line.startswith(";"):
                text = line[22:]
                source.append(text if '"' in text else text.partition(";")[0])
        (tmp_path / "boot.s").write_text("\n".join(source) + "\n")
        subprocess.run(["as", "--32", "-o", "boot.o", "boot.s"], cwd=tmp_path, check=True)
        link = [
            "ld",
            "-m",
            "elf_i386",
            "-Ttext",
            "0x7c00",
            "--oformat",
            "binary",
            "-e",
            "0",
            "-o",
            "boot.bin",
            "boot.o",
        ]
        subprocess.run(link, cwd=tmp_path, check=True)
        assert read_listing(listing) == (0x7C00, (tmp_path / "boot.bin").read_bytes())


@pytest.mark.needs(guest="firmware")
class TestGuest:
    @in_trio
    async def test_it_tests_the_chip_and_answers_at_once(self) -> None:
        line = Line()
        started = time.monotonic()
        async with line.open(find_guest("firmware")) as machine:
            said = await line.expect(b"> ", 5.0)
            assert said == b"uartsim firmware\r\nSCR ok\r\nFIFO ok\r\nloopback ok\r\n> "
            line.send(b"hello\r")
            assert await line.expect(b"> ") == b"hello\r\n> "
            assert time.monotonic() - started < 2.0
            line.send(b"t")
            assert b"loopback ok" in await line.expect(b"> ")
            status = machine.status()["com1"]
            assert status["format"] == "115200 8N1"
            assert status["registers"]["SCR"] == 0xA5
            line.send(b"r")
            assert b"uartsim firmware" in await line.expect(b"> ")
            line.send(b"q")
            end = await machine.wait_ended()
            assert end.reason == "poweroff"
            assert line.received == b"bye\r\n"

    @in_trio
    async def test_the_buttons_reset_it_and_do_not_harm_it(self) -> None:
        line = Line()
        async with line.open(find_guest("firmware"), unlimited=True) as machine:
            await line.expect(b"> ")
            await machine.nmi()
            await machine.reset()
            assert b"uartsim firmware" in await line.expect(b"> ")

    @in_trio
    async def test_it_idles_at_its_prompt(self) -> None:
        line = Line()
        async with line.open(find_guest("firmware")) as machine:
            await line.expect(b"> ")
            await trio.sleep(0.1)
            used, reads = time.process_time(), machine.com1.reads[5]
            await trio.sleep(1.0)
            assert time.process_time() - used < 0.05
            assert machine.com1.reads[5] - reads < 50

    @in_trio
    async def test_a_paste_comes_back_whole(self) -> None:
        line = Line()
        async with line.open(find_guest("firmware")) as machine:
            await line.expect(b"> ")
            data = bytes(c for c in range(33, 127) if chr(c) not in "qrt") * 20
            line.send(data)
            line.send(b"\r")
            assert await line.expect(b"> ") == data + b"\r\n> "
            assert machine.status()["com1"]["line"]["overruns"] == 0

    @in_trio
    async def test_code_that_goes_astray_ends_with_the_place(self, tmp_path: Path) -> None:
        async with Line().open(code(tmp_path, "7C00 0F0B  ud2\n")) as machine:
            end = await machine.wait_ended()
            assert end.reason == "failed"
            assert "0000:7C00" in end.detail

    @in_trio
    async def test_code_that_only_loops_leaves_the_others_their_turn(self, tmp_path: Path) -> None:
        async with Line().open(code(tmp_path, "7C00 EBFE  jmp $\n")) as machine:
            for _ in range(5):
                await trio.sleep(0.01)
            assert machine.ended is None

    @in_trio
    async def test_a_reset_by_the_keyboard_controller_resets_the_chip(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(code(tmp_path, RESETS), unlimited=True) as machine:
            with trio.fail_after(patience(20)):
                while len(line.received) <= 5:
                    await trio.sleep(0.01)
            assert set(line.received) == {ord("R") & 0x1F}  # 5 bits: what LCR says after a master reset
            assert machine.ended is None


def test_without_the_emulator_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "unicorn", None)
    with pytest.raises(UsageError, match=r"pip install 'uartsim\[firmware\]'"):
        make_guest(find_guest("firmware"))
