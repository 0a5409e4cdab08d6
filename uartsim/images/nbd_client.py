"""Random access to the content of a disk image of any format, through ``qemu-nbd`` and a small NBD client.

``qemu-nbd`` knows the formats, and no root, loop device or mount is needed.  The client speaks the part of the NBD protocol
(its ``doc/proto.md``) that it needs: the fixed newstyle handshake with ``NBD_OPT_GO``, and simple replies to read, write,
flush and disconnect.

The two are connected by a Unix socket whose path is removed before ``qemu-nbd`` starts: it inherits the listening socket as
systemd's socket activation passes one (``sd_listen_fds(3)``), with our connection waiting in it.  Nobody else can connect,
and when this process ends for any reason the connection breaks, upon which ``qemu-nbd`` ends as well.  Before the handshake
is over it would wait for the next client instead: SIGKILL ends it then, because it may lose SIGTERM while it starts
(:func:`uartsim.images.host_tools.ending_with_us`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.images.host_tools import ending_with_us
from uartsim.printable import printable_line

#: How long ``qemu-nbd`` may take for one answer, in seconds.
ANSWER_TIMEOUT_S: Final = 60.0
#: The longest transfer of one request, in bytes; the protocol allows servers to refuse longer ones than 32 MiB.
LONGEST_REQUEST: Final = 1 << 24
#: The command that installs ``qemu-nbd`` and ``qemu-img``.
INSTALL: Final = "apt-get install qemu-utils"

_NBD_MAGIC: Final = 0x4E42444D41474943
_OPTION_MAGIC: Final = 0x49484156454F5054
_OPTION_REPLY_MAGIC: Final = 0x3E889045565A9
_REQUEST_MAGIC: Final = 0x25609513
_SIMPLE_REPLY_MAGIC: Final = 0x67446698
_OPT_GO: Final = 7
_REP_ACK: Final = 1
_REP_INFO: Final = 3
_INFO_EXPORT: Final = 0
_READ, _WRITE, _DISCONNECT, _FLUSH = range(4)

#: Makes descriptor 0 the activation's descriptor 3; ``LISTEN_PID`` must be the ID of the process that ``exec`` continues.
_ACTIVATION: Final = 'exec 3<&0 </dev/null; LISTEN_PID=$$; LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$@"'


class DiskError(UartsimError):
    """An image cannot be opened, or its content cannot be read or written."""


class Disk:
    """The content of an open image; :func:`open_disk` makes these objects.

    Attributes:
        path: the image.
        size: the size of the disk in bytes, as a guest sees it.
    """

    def __init__(self, path: str, connection: socket.socket) -> None:
        self.path = path
        self._connection = connection
        self._count = 0
        self.size = self._shake_hands()

    def read(self, offset: int, count: int) -> bytes:
        """Read ``count`` bytes from ``offset``; fewer where the disk ends.

        Raises:
            DiskError: the image is damaged, or ``qemu-nbd`` has ended.
        """
        end = min(offset + count, self.size)
        parts = []
        while offset < end:
            length = min(end - offset, LONGEST_REQUEST)
            parts.append(self._request(_READ, offset, length, answer=length))
            offset += length
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        """Write ``data`` at ``offset``.  It is on the disk after :meth:`flush`, or when the disk has been closed.

        Raises:
            DiskError: ``data`` goes beyond the end, the image is open for reading only, or it cannot be written.
        """
        if not 0 <= offset <= self.size - len(data):
            raise DiskError(
                f"{self.path}: {len(data)} bytes at {offset} go beyond the end of the disk ({self.size} bytes)"
            )
        for start in range(0, len(data), LONGEST_REQUEST):
            part = data[start : start + LONGEST_REQUEST]
            self._request(_WRITE, offset + start, len(part), part)

    def flush(self) -> None:
        """Wait until everything that was written is on the disk.

        Raises:
            DiskError: it cannot be written.
        """
        self._request(_FLUSH, 0, 0)

    def close(self) -> None:
        """Say good-bye, upon which ``qemu-nbd`` ends."""
        with contextlib.suppress(OSError):
            self._connection.sendall(struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, _DISCONNECT, 0, 0, 0))
        self._connection.close()

    def _request(self, command: int, offset: int, length: int, data: bytes = b"", answer: int = 0) -> bytes:
        self._count += 1
        request = struct.pack(">IHHQQI", _REQUEST_MAGIC, 0, command, self._count, offset, length)
        try:
            self._connection.sendall(request + data)
            magic, error, handle = struct.unpack(">IIQ", self._receive(16))
            if (magic, handle) != (_SIMPLE_REPLY_MAGIC, self._count):
                raise DiskError(f"{self.path}: qemu-nbd sent an answer that makes no sense")
            if error:
                done = "written" if command in (_WRITE, _FLUSH) else "read"
                raise DiskError(f"{self.path}: {length} bytes at {offset} cannot be {done}: {os.strerror(error)}")
            return self._receive(answer)
        except OSError as why:
            raise DiskError(f"{self.path}: qemu-nbd does not answer ({why})") from None

    def _receive(self, count: int) -> bytes:
        parts = []
        while count:
            part = self._connection.recv(min(count, 1 << 20))
            if not part:
                raise ConnectionResetError("it has closed the connection")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _shake_hands(self) -> int:
        """Negotiate; returns the size of the disk.

        Raises:
            OSError: ``qemu-nbd`` has ended, or speaks another protocol.
        """
        if struct.unpack(">QQ", self._receive(16)) != (_NBD_MAGIC, _OPTION_MAGIC):
            raise ConnectionError("it does not speak the NBD protocol")
        self._receive(2)  # the server's flags; both of the newstyle ones are answered
        self._connection.sendall(struct.pack(">IQII", 3, _OPTION_MAGIC, _OPT_GO, 6) + bytes(6))
        size = None
        while True:
            magic, _, kind, length = struct.unpack(">QIII", self._receive(20))
            if magic != _OPTION_REPLY_MAGIC or length > 1 << 16 or kind not in (_REP_ACK, _REP_INFO):
                raise ConnectionError("it refuses the export")
            content = self._receive(length)
            if kind == _REP_INFO and content[:2] == _INFO_EXPORT.to_bytes(2, "big"):
                size = int.from_bytes(content[2:10], "big")
            if kind == _REP_ACK and size is not None:
                return size


@contextlib.contextmanager
def open_disk(path: str | os.PathLike[str], image_format: str, *, writable: bool = False) -> Iterator[Disk]:
    """Open the content of an image for this block.

    Args:
        path: the image.
        image_format: its format, as QEMU names it; it is never guessed, because whoever wrote the content of a raw disk would
            then choose it.
        writable: open it for writing too.  The image must then not be in use.

    Raises:
        UsageError: ``qemu-nbd`` is missing.
        DiskError: the image cannot be opened; the message has the reason that ``qemu-nbd`` gives.
    """
    path = os.path.abspath(path)
    connection, server = _serve(path, image_format, writable=writable)
    connection.settimeout(ANSWER_TIMEOUT_S)
    disk = None
    try:
        try:
            disk = Disk(path, connection)
        except OSError as why:
            raise DiskError(f"{path} cannot be opened as {image_format}: {_reason(server, why)}") from None
        yield disk
    finally:
        if disk is not None:
            disk.close()
        connection.close()
        _end(server, patient=disk is not None)


def _serve(path: str, image_format: str, *, writable: bool) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start ``qemu-nbd``; returns a connection with it, and its process."""
    from shutil import which

    program = which("qemu-nbd")
    if program is None:
        raise UsageError(f"the program qemu-nbd is missing, which reads disk images: {INSTALL}")
    ours = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
            with tempfile.TemporaryDirectory(prefix="uartsim-nbd-") as folder:
                place = str(Path(folder, "socket"))
                listening.bind(place)
                listening.listen(1)
                ours.connect(place)
            access = ["--cache=writeback", "--discard=unmap"] if writable else ["--read-only"]
            command = ["/bin/sh", "-c", _ACTIVATION, "sh", program, f"--format={image_format}", *access, path]
            server = subprocess.Popen(
                ending_with_us(command, "KILL"),
                stdin=listening.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        raise DiskError(f"{path} cannot be opened: qemu-nbd cannot be started ({error.strerror})") from None
    return ours, server


def _reason(server: subprocess.Popen[bytes], why: OSError) -> str:
    """What ``qemu-nbd`` said when it refused, without its own name and the file's."""
    try:
        said = server.communicate(timeout=1)[1].decode(errors="replace").strip()
    except subprocess.TimeoutExpired:
        return str(why)
    return printable_line(said.splitlines()[-1].removeprefix("qemu-nbd: "))[:400] if said else str(why)


def _end(server: subprocess.Popen[bytes], *, patient: bool) -> None:
    """Wait until ``qemu-nbd`` has ended, and has written everything; end it if it does not end by itself."""
    try:
        if not patient:
            server.terminate()
        server.communicate(timeout=ANSWER_TIMEOUT_S if patient else 1)
    except subprocess.TimeoutExpired:
        server.kill()
        server.communicate()
