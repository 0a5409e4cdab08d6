"""The page that the port bridge's two processes share, as this process sees it.

Its layout is ``struct page`` in ``port_bridge.c``.  What needs fences or wakes somebody is done by the library's own
functions, so that both sides agree; the rest is plain memory.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from uartsim.guest.bridge_build import BridgeUnavailable

#: What the library and this module call the layout.
VERSION: Final = 1
#: Requests that the ring holds.
RING: Final = 1024
#: Steps of a lease.
STEPS: Final = 4
#: The size of ``struct lease``, in bytes.
LEASE_BYTES: Final = 144
#: Where the answer goes of a write that was posted: nowhere.
POSTED: Final = 3
#: A time that never comes, in nanoseconds.
NEVER_NS: Final = (1 << 64) - 1

_ANSWERS: Final = 32
_WAITS: Final = 64
_WAIT_UNIT_US: Final = 4
_COUNTERS: Final = struct.Struct(f"<8Q8Q8Q8Q3Q{_WAITS}I")
_COUNTERS_AT: Final = 272
_RING_AT: Final = 4096
_REQUEST: Final = struct.Struct("<4B4xQ")
_SIZE: Final = _RING_AT + RING * _REQUEST.size
_LEASE: Final = struct.Struct("<I4B")
_STEP: Final = struct.Struct("<QB7x8B")
_FUTURE: Final = struct.Struct("<5Q")
_FUTURE_AT: Final = _LEASE.size + STEPS * _STEP.size


class Step(NamedTuple):
    """From the end of the step before it until ``until_ns`` the registers in ``mask`` read ``values``."""

    until_ns: int
    mask: int
    values: Sequence[int]


class Future(NamedTuple):
    """How THRE and TEMT follow from writes to THR; times in ticks.

    Attributes:
        depth: of the transmitter's FIFO, 1 without; 0: its future is not known.
        lsr_until_ns: until then nothing but the transmitter changes LSR.
        empty_at: when THRE comes back.
        drained_at: when TEMT does.
        frame: how long a frame is.
        bit: how long a bit is.
    """

    depth: int
    lsr_until_ns: int
    empty_at: int
    drained_at: int
    frame: int
    bit: int


class Lease(NamedTuple):
    """What QEMU may answer by itself.

    Attributes:
        steps: at most :data:`STEPS`.
        post: the offsets whose writes need not wait.
        keep: the registers that a write to THR does not change.
        future: what the transmitter will do.
    """

    steps: Sequence[Step]
    post: int
    keep: int
    future: Future

    def pack(self, served: int, buffer: bytearray) -> None:
        """Write it as ``struct lease``, after ``served`` requests."""
        _LEASE.pack_into(buffer, 0, served & 0xFFFFFFFF, len(self.steps), self.post, self.keep, self.future.depth)
        at = _LEASE.size
        for until_ns, mask, values in self.steps:
            _STEP.pack_into(buffer, at, until_ns, mask, *values)
            at += _STEP.size
        _FUTURE.pack_into(buffer, _FUTURE_AT, *self.future[1:])


class Counters(NamedTuple):
    """What QEMU's side has counted; the first four by offset.

    Attributes:
        leased: reads that were answered in QEMU.
        waited: reads that waited for us.
        posted: writes that did not wait.
        written: writes that waited.
        naps: how often a guest that only waited was put to sleep.
        longest_wait_ns: the longest wait for us.
        waits: how many waits took how long, in units of 4 us; the last counts all that were longer.
    """

    leased: tuple[int, ...]
    waited: tuple[int, ...]
    posted: tuple[int, ...]
    written: tuple[int, ...]
    naps: int
    longest_wait_ns: int
    waits: tuple[int, ...]

    @property
    def median_wait_us(self) -> int:
        """What half of the waits did not exceed, in microseconds; 0 without any."""
        half, seen = (sum(self.waits) + 1) // 2, 0
        for number, count in enumerate(self.waits):
            seen += count
            if count and seen >= half:
                return (number + 1) * _WAIT_UNIT_US
        return 0


class Page:
    """The shared page.

    Args:
        library: the compiled port bridge.

    Raises:
        BridgeUnavailable: the library cannot be loaded, or the system gives no memory.

    Attributes:
        fd: the descriptor that QEMU maps; :meth:`close_fd` once it has it.
    """

    def __init__(self, library: Path) -> None:
        try:
            # The interpreter's lock stays ours: the functions take less time than letting go of it.
            functions = ctypes.PyDLL(str(library))
            self.fd = os.memfd_create("uartsim-port-bridge")
        except OSError as error:
            raise BridgeUnavailable(f"{library} cannot be used: {error}") from None
        os.ftruncate(self.fd, _SIZE)
        self._memory = mmap.mmap(self.fd, _SIZE)
        struct.pack_into("<I", self._memory, 0, VERSION)
        self._anchor: Any = ctypes.c_char.from_buffer(self._memory)
        self._address = ctypes.addressof(self._anchor)
        self._lease = bytearray(LEASE_BYTES)
        self._lease_anchor: Any = ctypes.c_char.from_buffer(self._lease)
        self._lease_address = ctypes.addressof(self._lease_anchor)
        self._look = functions.uartsim_bridge_look
        self._look.argtypes, self._look.restype = (ctypes.c_void_p, ctypes.c_uint64), ctypes.c_uint32
        self._publish = functions.uartsim_bridge_publish
        self._publish.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32)
        self._publish.restype = ctypes.c_uint32

    def look(self, gather_ns: int) -> int:
        """The number of requests made so far; until ``gather_ns`` (CLOCK_MONOTONIC) we look again uncalled."""
        made: int = self._look(self._address, gather_ns)
        return made

    def requests(self, first: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
        """The requests from number ``first`` on to before ``end``.

        Each is what is wanted (a letter, see ``struct request``), the offset, the value, where the answer goes, and
        CLOCK_MONOTONIC at that time in nanoseconds.
        """
        while first != end:
            at = first % RING
            count = min((end - first) & 0xFFFFFFFF, RING - at)
            begin = _RING_AT + at * _REQUEST.size
            yield from _REQUEST.iter_unpack(self._memory[begin : begin + count * _REQUEST.size])
            first = first + count & 0xFFFFFFFF

    def answer(self, slot: int, value: int) -> None:
        """The answer to a request; it is read when the request counts as served."""
        self._memory[_ANSWERS + slot] = value

    def publish(self, served: int, lease: Lease, line: int) -> bool:
        """Publish what QEMU may answer by itself after ``served`` requests, and the interrupt line.

        Returns:
            Whether a processor waited, and will look at the line without being told.
        """
        lease.pack(served, self._lease)
        return bool(self._publish(self._address, self._lease_address, line))

    def counters(self) -> Counters:
        """What QEMU's side has counted."""
        numbers = _COUNTERS.unpack_from(self._memory, _COUNTERS_AT)
        naps, longest_wait_ns = numbers[32:34]
        return Counters(numbers[:8], numbers[8:16], numbers[16:24], numbers[24:32], naps, longest_wait_ns, numbers[35:])

    def close(self) -> None:
        """Give the memory back."""
        os.close(self.fd)
        del self._anchor, self._lease_anchor
        self._memory.close()
