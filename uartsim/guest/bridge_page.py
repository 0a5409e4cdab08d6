"""The memory page that the port bridge's two processes share, as this process sees it.

Its layout is ``struct page`` in ``port_bridge.h``.  Operations that need memory fences or that wake the other process are
functions of the C library, so that both sides agree; everything else is plain memory access.
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

#: The version of the layout; the library and this module must agree on it.
VERSION: Final = 1
#: The number of requests that the ring holds.
RING: Final = 1024
#: The most steps of a lease.
STEPS: Final = 4
#: The size of ``struct lease``, in bytes.
LEASE_BYTES: Final = 144
#: The slot of a posted write, which gets no answer.
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
    """From the end of the step before it until ``until_ns``, the registers in ``mask`` read as ``values``.

    Attributes:
        until_ns: CLOCK_MONOTONIC in nanoseconds.
        mask: a bit for each leased offset.
        values: the values of all eight offsets.
    """

    until_ns: int
    mask: int
    values: Sequence[int]


class Future(NamedTuple):
    """The transmitter's state, from which the bridge works out how writes to THR change THRE and TEMT.

    Attributes:
        depth: the depth of the transmitter's FIFO, 1 without a FIFO; 0 if its future is not known.
        lsr_until_ns: until this time only the transmitter changes LSR, in nanoseconds.
        empty_at: the time in ticks at which THRE is set again.
        drained_at: the time in ticks at which TEMT is set again.
        frame: the length of a frame in ticks.
        bit: the length of a bit in ticks.
    """

    depth: int
    lsr_until_ns: int
    empty_at: int
    drained_at: int
    frame: int
    bit: int


class Lease(NamedTuple):
    """The accesses that QEMU's side may answer by itself.

    Attributes:
        steps: at most :data:`STEPS`, in order of time.
        post: the offsets whose writes need not wait, as a bit mask.
        keep: the registers that a write to THR does not change, as a bit mask.
        future: the transmitter's state.
    """

    steps: Sequence[Step]
    post: int
    keep: int
    future: Future

    def pack(self, served: int, buffer: bytearray) -> None:
        """Write the lease as ``struct lease`` into ``buffer``; ``served`` is the number of requests that it reflects."""
        _LEASE.pack_into(buffer, 0, served & 0xFFFFFFFF, len(self.steps), self.post, self.keep, self.future.depth)
        at = _LEASE.size
        for until_ns, mask, values in self.steps:
            _STEP.pack_into(buffer, at, until_ns, mask, *values)
            at += _STEP.size
        _FUTURE.pack_into(buffer, _FUTURE_AT, *self.future[1:])


class Counters(NamedTuple):
    """The counters of QEMU's side; the first four hold a number for each register offset.

    Attributes:
        leased: reads that were answered in QEMU.
        waited: reads that waited for this process.
        posted: writes that did not wait.
        written: writes that waited.
        naps: how often a guest that only polled was put to sleep.
        longest_wait_ns: the longest wait for this process, in nanoseconds.
        waits: a histogram of the waits in units of 4 us; the last number counts all longer ones.
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
        """The median of the waits in microseconds, rounded up to a unit; 0 if there were none."""
        half, seen = (sum(self.waits) + 1) // 2, 0
        for number, count in enumerate(self.waits):
            seen += count
            if count and seen >= half:
                return (number + 1) * _WAIT_UNIT_US
        return 0


class Page:
    """The shared page.

    Args:
        library: the path of the compiled port bridge.

    Raises:
        BridgeUnavailable: the library cannot be loaded, or the system has no memory for the page.

    Attributes:
        fd: the descriptor of the page, which QEMU inherits and maps.
    """

    def __init__(self, library: Path) -> None:
        try:
            # PyDLL keeps the interpreter's lock: the functions take less time than releasing it would.
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
        """The number of requests made so far.

        Args:
            gather_ns: until this time (CLOCK_MONOTONIC) this process looks again without being called.
        """
        made: int = self._look(self._address, gather_ns)
        return made

    def requests(self, first: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
        """The requests from number ``first`` up to but not including ``end``.

        Each is a tuple of the operation (a letter, see ``struct request``), the offset, the value, the slot of the answer,
        and the time of the access (CLOCK_MONOTONIC in nanoseconds).
        """
        while first != end:
            at = first % RING
            count = min((end - first) & 0xFFFFFFFF, RING - at)
            begin = _RING_AT + at * _REQUEST.size
            yield from _REQUEST.iter_unpack(self._memory[begin : begin + count * _REQUEST.size])
            first = first + count & 0xFFFFFFFF

    def answer(self, slot: int, value: int) -> None:
        """Store the answer to a request; QEMU's side reads it when the request counts as served."""
        self._memory[_ANSWERS + slot] = value

    def publish(self, served: int, lease: Lease, line: int) -> bool:
        """Publish a lease that reflects ``served`` requests, and the state of the interrupt line.

        Returns:
            Whether a processor was waiting, which will look at the interrupt line without being called.
        """
        lease.pack(served, self._lease)
        return bool(self._publish(self._address, self._lease_address, line))

    def counters(self) -> Counters:
        """The current counters of QEMU's side."""
        numbers = _COUNTERS.unpack_from(self._memory, _COUNTERS_AT)
        naps, longest_wait_ns = numbers[32:34]
        return Counters(numbers[:8], numbers[8:16], numbers[16:24], numbers[24:32], naps, longest_wait_ns, numbers[35:])

    def close(self) -> None:
        """Close the descriptor and unmap the page."""
        os.close(self.fd)
        del self._anchor, self._lease_anchor
        self._memory.close()
