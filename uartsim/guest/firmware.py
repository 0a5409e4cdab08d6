"""Guests of kind ``firmware``: boot code on an emulated x86 processor, within this process and without QEMU.

The Unicorn CPU emulator (extra ``firmware``) runs 16-bit code in a megabyte of memory, starting at the code's first
address.  IN and OUT at COM1's eight ports reach the chip immediately.  Other ports read as FF and ignore writes, except
for the two writes that reset a PC: FE to port 64h, and a value with bit 2 set to port CF9h.  HLT ends the guest, because
there are no interrupts that could wake it.  Such a guest has to poll.

The processor runs in slices, and between them the other tasks run.  A guest that reads the same value from the same
register again and again is only waiting: it continues when something may have changed.  The guest also runs under a
virtual clock, where time passes while it waits, and each access takes a microsecond, as on a PC's bus: code that limits
its wait by a count of reads does not give up sooner than on a PC.

Table ``[firmware]`` of ``guest.toml``: ``listing`` names the code's listing (:mod:`uartsim.guest.assembler_listing`).
"""

from __future__ import annotations

from typing import Any, Final

import trio

from uartsim.errors import UsageError
from uartsim.guest.assembler_listing import read_listing
from uartsim.guest.catalogue import GuestDefinition
from uartsim.line_format import NEVER
from uartsim.machine import GuestEnd, Machine
from uartsim.machine.sides import NO_GUEST, QuietGuest
from uartsim.machine.ticker import is_virtual

#: The size of the memory, in bytes.
MEMORY_BYTES: Final = 1 << 20
#: The first I/O port of COM1.
PORT: Final = 0x3F8
#: How many basic blocks of code run in one slice.
SLICE_BLOCKS: Final = 2000
#: After this many equal reads of one register the guest counts as waiting.
IDLE_READS: Final = 16
#: Under a virtual clock: how long an access to a port takes, in seconds, and how many accesses a slice has at most.
BUS_ACCESS_S: Final = 1e-6
SLICE_ACCESSES: Final = 16
#: How long the guest's last output may take to leave the chip, in seconds.
DRAIN_TIMEOUT_S: Final = 30.0

_KEYBOARD_PORT: Final = 0x64
_RESET_PORT: Final = 0xCF9


class FirmwareGuest:
    """A guest of kind ``firmware``.

    Args:
        definition: the guest as its folder defines it.

    Raises:
        UsageError: Unicorn is not installed, the listing is wrong, or the code does not fit into the memory.
    """

    kind = "firmware"

    def __init__(self, definition: GuestDefinition) -> None:
        try:
            import unicorn
            import unicorn.x86_const
        except ImportError as error:
            raise UsageError(
                f"guest {definition.name!r} needs the CPU emulator Unicorn ({error}): pip install 'uartsim[firmware]'"
            ) from None
        file = definition.folder / str(definition.options["listing"])
        self._code = read_listing(file)
        if self._code.origin + len(self._code.data) > MEMORY_BYTES:
            raise UsageError(f"{file}: the code does not fit into {MEMORY_BYTES} bytes")
        self._unicorn = unicorn
        self._registers = unicorn.x86_const
        self._scope: trio.CancelScope | None = None

    async def run(self, machine: Machine, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> GuestEnd:
        """Power on; see :class:`uartsim.machine.Guest`."""
        task_status.started()
        while True:
            await trio.lowlevel.checkpoint()
            processor = _Processor(self._unicorn, self._registers, self._code.origin, self._code.data, machine)
            end: str | None = "reset"  # stays so if the reset button cancels the scope
            try:
                with trio.CancelScope() as self._scope:
                    end = await processor.run()
            finally:
                processor.close()
            if end == "reset":
                if not self._scope.cancelled_caught:
                    machine.com1.reset()
                continue
            with trio.move_on_after(DRAIN_TIMEOUT_S):
                await machine.com1.drain()
            return GuestEnd("poweroff") if end == "halted" else GuestEnd("failed", detail=end or "")

    async def reset(self) -> None:
        """The reset button: the code starts from the beginning."""
        if self._scope is not None:
            self._scope.cancel()
        await trio.lowlevel.checkpoint()

    async def nmi(self) -> None:
        """The NMI button: nothing happens, because the processor has no NMI handler."""
        await trio.lowlevel.checkpoint()


class _Processor(QuietGuest):
    """The emulated processor, from power-on to its end."""

    follows_changes = True

    def __init__(self, unicorn: Any, registers: Any, origin: int, code: bytes, machine: Machine) -> None:
        self._com1 = com1 = machine.com1
        self._registers = registers
        self._error: type[Exception] = unicorn.UcError
        self._cpu = cpu = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_16)
        cpu.mem_map(0, MEMORY_BYTES)
        cpu.mem_write(origin, code)
        cpu.hook_add(unicorn.UC_HOOK_INSN, self._on_in, None, 1, 0, registers.UC_X86_INS_IN)
        cpu.hook_add(unicorn.UC_HOOK_INSN, self._on_out, None, 1, 0, registers.UC_X86_INS_OUT)
        cpu.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)
        self._address = origin
        self._blocks = self._accesses = 0
        self._virtual = is_virtual()
        self._stopped = self._idle = self._reset = False
        self._failure: Exception | None = None
        self._last_read = (-1, -1)
        self._equal_reads = 0
        self._change = trio.Event()
        self._wakeup = com1.ticker.wakeup(self._on_time)
        com1.guest = self

    async def run(self) -> str:
        """Run the code until it ends.

        Returns:
            ``"halted"``, ``"reset"``, or a description of the error.
        """
        while True:
            self._stopped = self._idle = False
            self._blocks = self._accesses = 0
            try:
                self._cpu.emu_start(self._address, MEMORY_BYTES)
            except self._error as error:
                return f"{error} at {self._place()}"
            if self._failure is not None:
                raise self._failure
            if self._reset:
                return "reset"
            if not self._stopped:
                return "halted"
            self._address = self._linear()
            if self._idle:
                await self._wait_for_change()
            elif self._virtual:
                await trio.sleep(self._accesses * BUS_ACCESS_S)
            else:
                await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Detach the processor from the port."""
        self._com1.guest = NO_GUEST
        self._wakeup.set(NEVER)

    # -- running code and its port accesses ----------------------------------------------------------------

    def _linear(self) -> int:
        cpu, registers = self._cpu, self._registers
        return int(cpu.reg_read(registers.UC_X86_REG_CS)) * 16 + int(cpu.reg_read(registers.UC_X86_REG_IP))

    def _place(self) -> str:
        cpu, registers = self._cpu, self._registers
        return f"{cpu.reg_read(registers.UC_X86_REG_CS):04X}:{cpu.reg_read(registers.UC_X86_REG_IP):04X}"

    def _stop(self) -> None:
        self._stopped = True
        self._cpu.emu_stop()

    def _on_block(self, cpu: Any, address: int, size: int, data: object) -> None:
        self._blocks += 1
        if self._blocks > SLICE_BLOCKS:
            self._stop()

    def _count_access(self) -> None:
        self._accesses += 1
        if self._virtual and self._accesses >= SLICE_ACCESSES:
            self._stop()

    def _on_in(self, cpu: Any, port: int, size: int, data: object) -> int:
        self._count_access()
        value = 0
        for at in range(size):
            offset = port + at - PORT
            value |= (self._read(offset) if 0 <= offset < 8 else 0xFF) << 8 * at
        if (port, value) != self._last_read:
            self._last_read, self._equal_reads = (port, value), 0
        elif port >= PORT:
            self._equal_reads += 1
            if self._equal_reads >= IDLE_READS:
                self._equal_reads = 0
                self._idle = True
                self._stop()
        return value

    def _on_out(self, cpu: Any, port: int, size: int, value: int, data: object) -> None:
        self._count_access()
        self._last_read = (-1, -1)
        for at in range(size):
            byte = value >> 8 * at & 0xFF
            offset = port + at - PORT
            if 0 <= offset < 8:
                self._write(offset, byte)
            elif (port + at == _KEYBOARD_PORT and byte == 0xFE) or (port + at == _RESET_PORT and byte & 4):
                self._reset = True
                self._stop()

    def _read(self, offset: int) -> int:
        try:
            return self._com1.read(offset)
        except Exception as error:  # the emulator would only print the exception
            self._fail(error)
            return 0xFF

    def _write(self, offset: int, value: int) -> None:
        try:
            self._com1.write(offset, value)
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._failure = error
        self._stop()

    # -- waiting -------------------------------------------------------------------------------------------

    async def _wait_for_change(self) -> None:
        """Wait until the line, the far end or time may have changed what the code reads."""
        com1 = self._com1
        uart, far = com1.uart, com1.cable.far
        at = uart.next_event(uart.now)
        if not far.idle:
            at = min(at, far.nth_arrival(1))
        self._change = trio.Event()
        self._wakeup.set(at)
        await self._change.wait()

    def _on_time(self, now: int) -> None:
        self._com1.advance(now)
        self._com1.settle()

    def settled(self) -> None:
        """Something has changed at the port: the code looks again."""
        self._change.set()
