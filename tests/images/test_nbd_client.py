"""The content of an image through qemu-nbd: it is what was written, and a server that fails is a sentence."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.images.small_disk import run, small_disk
from uartsim.errors import UsageError
from uartsim.guest.reaper import descendants
from uartsim.images import nbd_client
from uartsim.images.nbd_client import DiskError, open_disk

pytestmark = pytest.mark.needs("qemu-img")

_SIZE = 1 << 20
#: The magic numbers of the handshake, and its flags.
_GREETING = b"NBDMAGICIHAVEOPT\0\3"
_REPLY = bytes.fromhex("0003E889045565A9 00000007")
_EXPORT = _REPLY + bytes.fromhex("00000003 0000000C 0000") + (4096).to_bytes(8, "big") + b"\0\1"
_ACK = _REPLY + bytes.fromhex("00000001 00000000")


@pytest.mark.parametrize("made", ["raw", "qcow2", "vpc", "vmdk", "vhdx"])
def test_reads_and_writes_are_those_of_a_copy(tmp_path: Path, made: str) -> None:
    path = small_disk(tmp_path / "disk", made)

    @settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.lists(st.tuples(st.integers(0, _SIZE - 5000), st.binary(min_size=1, max_size=5000)), max_size=12))
    def check(changes: list[tuple[int, bytes]]) -> None:
        with open_disk(path, made, writable=True) as disk:
            copy = bytearray(disk.read(0, disk.size))
            assert len(copy) == disk.size >= _SIZE
            for at, data in changes:
                disk.write(at, data)
                copy[at : at + len(data)] = data
                assert disk.read(at, len(data) + 20) == copy[at : at + len(data) + 20]
            disk.flush()
        with open_disk(path, made) as disk:
            assert disk.read(0, disk.size) == copy

    check()


def test_long_transfers_are_divided(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    run("qemu-img", "create", "-q", "-f", "qcow2", path, "40M")
    data = os.urandom(3 * nbd_client.LONGEST_REQUEST // 2)
    with open_disk(path, "qcow2", writable=True) as disk:
        disk.write(777, data)
        assert disk.read(777, len(data)) == data


def test_the_end_of_the_disk_ends_a_read_and_refuses_a_write(tmp_path: Path) -> None:
    with open_disk(small_disk(tmp_path / "disk"), "raw", writable=True) as disk:
        assert disk.read(_SIZE - 3, 10) == bytes(3)
        assert disk.read(_SIZE, 10) == disk.read(1 << 63, 10) == b""
        for at in (_SIZE - 3, -1, 1 << 64):
            with pytest.raises(DiskError, match=r"beyond the end of the disk \(1048576 bytes\)"):
                disk.write(at, b"1234")


def test_disk_that_is_open_for_reading_is_not_written(tmp_path: Path) -> None:
    path = small_disk(tmp_path / "disk")
    before = path.read_bytes()
    with open_disk(path, "raw") as disk, pytest.raises(DiskError, match="cannot be written"):
        disk.write(0, b"x")
    assert path.read_bytes() == before


def test_image_that_cannot_be_opened_says_why_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"QFI\xfb" + bytes(600))
    with (
        pytest.raises(DiskError, match=r"disk cannot be opened as qcow2: .+") as caught,
        open_disk(tmp_path / "disk", "qcow2"),
    ):
        pass
    assert "\n" not in str(caught.value)
    with pytest.raises(DiskError, match="No such file"), open_disk(tmp_path / "none", "raw"):
        pass


def test_qemu_nbd_that_is_killed_is_a_sentence(tmp_path: Path) -> None:
    with open_disk(small_disk(tmp_path / "disk"), "raw") as disk:
        before = [child for child in descendants(os.getpid()) if _name(child) == "qemu-nbd"]
        assert len(before) == 1
        os.kill(before[0], signal.SIGKILL)
        with pytest.raises(DiskError, match="qemu-nbd does not answer"):
            disk.read(0, 512)
    assert _name(before[0]) == ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def test_program_that_is_missing_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    remedy = "qemu-nbd is missing, which reads disk images: apt-get install qemu-utils"
    with pytest.raises(UsageError, match=remedy), open_disk(tmp_path / "disk", "raw"):
        pass


@pytest.mark.parametrize(
    ("sends", "why"),
    [
        (b"", "cannot be opened as raw"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4, "does not speak the NBD protocol"),
        (_GREETING[:10], "cannot be opened as raw"),
        (_GREETING + b"\xff" * 20, "refuses the export"),
        (_GREETING + _REPLY + b"\0\0\0\3\xff\xff\xff\xff", "refuses the export"),
        (_GREETING + _EXPORT, "cannot be opened as raw"),
        (_GREETING + _EXPORT + _ACK, "does not answer"),
        (_GREETING + _EXPORT + _ACK + b"\xff" * 16, "sent an answer that makes no sense"),
        (
            _GREETING + _EXPORT + _ACK + b"\x67\x44\x66\x98\0\0\0\5" + bytes(7) + b"\1",
            "cannot be read: Input/output error",
        ),
        (_GREETING + _EXPORT + _ACK + b"\x67\x44\x66\x98" + bytes(11) + b"\1" + b"short", "does not answer"),
    ],
)
def test_server_that_answers_nonsense_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sends: bytes, why: str
) -> None:
    (tmp_path / "answer").write_bytes(sends)
    program = tmp_path / "qemu-nbd"
    program.write_text(
        "#!/usr/bin/python3\n"
        "import socket\n"
        "connection = socket.socket(fileno=3).accept()[0]\n"
        f"connection.sendall(open({str(tmp_path / 'answer')!r}, 'rb').read())\n"
        "connection.shutdown(socket.SHUT_WR)\n"
        "while connection.recv(4096): pass\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(DiskError, match=why), open_disk(tmp_path / "disk", "raw") as disk:
        disk.read(0, 512)
