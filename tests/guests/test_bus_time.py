"""A read of a port lasts a microsecond, as on a PC's bus: drivers bound their waits by a count of reads."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import trio
import trio.testing

from tests.guests.boot_code import boot
from tests.guests.line import Line, guest, in_trio, wait_until
from uartsim.machine import Machine
from uartsim.registers import Offset

#: At 115200 8N1 a character takes 86.8 us; the last read may begin before its end.
READS_PER_CHARACTER = 88
#: again: mov dx, 3F8h; out dx, al; mov dx, 3FDh; xor cx, cx; wait: in al, dx; inc cx; test al, 20h; jz wait;
#: mov al, cl; out 0E9h, al; mov al, ch; out 0E9h, al; jmp again
COUNT_LSR = "BAF803 EE BAFD03 31C9 EC 41 A820 74FA 88C8 E6E9 88E8 E6E9 EBE7"
#: The same, but between two reads of LSR another port {port} is read, and that is counted.
COUNT_OTHER = "BAF803 EE BAFD03 31C9 EC A820 750A BA{port}03 EC 41 BAFD03 EBF1 88C8 E6E9 88E8 E6E9 EBDE"


async def counts_of(code: str, folder: Path) -> list[int]:
    """How often the code has read while each of a hundred characters was on the line."""
    shown = folder / "shown"
    definition = boot(bytes.fromhex(code), folder, "-debugcon", f"file:{shown}")
    async with Line().open(definition):
        await wait_until(lambda: shown.exists() and shown.stat().st_size > 202, 30.0)
    return [count for (count,) in struct.iter_unpack("<H", shown.read_bytes()[:202])][1:]


@pytest.mark.needs("qemu-system-x86_64", "gcc")
class TestQemu:
    @in_trio
    async def test_no_more_reads_of_lsr_fit_into_a_character_than_on_a_bus(self, tmp_path: Path) -> None:
        counts = await counts_of(COUNT_LSR, tmp_path)
        assert 0 < max(counts) <= READS_PER_CHARACTER, counts

    @pytest.mark.parametrize("register", ["IIR", "MSR", "SCR"])
    @in_trio
    async def test_a_loop_that_looks_at_another_register_too_has_no_more_reads_either(
        self, register: str, tmp_path: Path
    ) -> None:
        port = f"{0xF8 + Offset[register]:02X}"
        counts = await counts_of(COUNT_OTHER.format(port=port), tmp_path)
        assert 0 < max(counts) <= READS_PER_CHARACTER // 2, counts

    @in_trio
    async def test_served_byte_by_byte_a_port_that_is_waited_for_by_a_count_has_room(self, tmp_path: Path) -> None:
        line = Line()
        async with line.open(boot(bytes.fromhex(IMPATIENT_FLOOD), tmp_path, registers="off")):
            assert await line.expect(b"Z") == b"X" * 10_000 + b"Z"


#: Ten thousand characters, each written when LSR says THRE, or after 64 looks at LSR; then a 'Z' as soon as there
#: is room for it, and hlt.
IMPATIENT_FLOOD = (
    "BD1027"  # mov bp, 10000
    "BAFD03 B94000 EC A820 7502 E2F9"  # character: mov cx, 64; wait: LSR; jnz write; loop wait
    "BAF803 B058 EE 4D 75EA"  # write: 'X' to THR; dec bp; jnz character
    "BAFD03 EC A820 74FB BAF803 B05A EE F4"
)
#: 115200 8N1 without a FIFO; twenty characters, each written when LSR says THRE, or after 64 looks at LSR and MSR: hlt.
IMPATIENT = (
    "BAFB03 B083 EE BAF803 B001 EE BAFB03 B003 EE B314"  # mov bl, 20
    "BAFD03 B94000 EC A820 7509 BAFE03 EC BAFD03 E2F2"  # character: mov cx, 64; wait: LSR; jnz write; MSR; loop wait
    "BAF803 B058 EE FECB 75E2 F4"  # write: 'X' to THR; dec bl; jnz character; hlt
)


@pytest.mark.needs(guest="firmware")
@pytest.mark.parametrize("virtual", [False, True], ids=["real", "virtual"])
def test_boot_code_in_the_emulator_may_bound_its_wait_too(virtual: bool, tmp_path: Path) -> None:
    (tmp_path / "code.lst").write_text(f"7C00 {IMPATIENT.replace(' ', '')}\n")
    line = Line()

    async def whole() -> Machine:
        async with line.open(guest("firmware", tmp_path, listing="code.lst")) as machine:
            await machine.wait_ended()
            return machine

    clock = trio.testing.MockClock(autojump_threshold=0) if virtual else None
    status = trio.run(whole, clock=clock).com1.status()["line"]
    assert (status["dropped_by_full_transmitter"], status["bytes_out"]) == (0, 20)
    assert line.received == b"X" * 20
