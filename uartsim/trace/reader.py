"""Opening a trace: its header, and an iterator over its events.

:class:`uartsim.record.trace_writer.TraceWriter` writes traces; :mod:`uartsim.record.trace_format` describes the format.
A trace that was cut off is read up to its last whole record; checksums reveal a trace that was changed.
"""

from __future__ import annotations

from collections.abc import Iterator

from uartsim.errors import UsageError
from uartsim.record import events
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_format import VERSION, Damaged, parse_header
from uartsim.trace.records import Records


class Trace:
    """A trace: its header, and its events by iteration.

    The last event is always :class:`uartsim.record.events.End`, which says whether the trace is whole.
    """

    def __init__(self, path: str, header: RecordHeader, version: int = VERSION) -> None:
        self.path = path
        self.header = header
        self.version = version

    def __iter__(self) -> Iterator[events.Event]:
        """The events in the file's order.

        Raises:
            UsageError: the file cannot be read, or is damaged; the message says where.
        """
        try:
            with open(self.path, "rb") as file:
                yield from Records(self.path, file, self.version, self.header.start).read_all()
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read as a trace: {error.strerror}") from None


def read_trace(path: str) -> Trace:
    """Open a trace.

    Raises:
        UsageError: the file cannot be read, or is not a trace.
    """
    try:
        with open(path, "rb") as file:
            version, header = parse_header(file.readline(1 << 16))
            return Trace(path, header, version)
    except OSError as error:
        raise UsageError(f"{path} cannot be read as a trace: {error.strerror}") from None
    except Damaged as error:
        raise UsageError(f"{path} {error}") from None
