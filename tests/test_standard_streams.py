"""Standard streams that are safe to write to, with descriptors of the tests' own."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim import standard_streams
from uartsim.errors import UartsimError
from uartsim.standard_streams import OutputError, abandon, reader_may_leave, unfiltered

ROOT = str(Path(__file__).parent.parent)


class Pipe:
    """A pipe, the write end of which is a stream."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.reading, self.writing = os.pipe()
        self.stream = io.TextIOWrapper(io.FileIO(self.writing, "w", closefd=False), encoding=encoding)

    def read(self) -> bytes:
        os.set_blocking(self.reading, False)
        try:
            return os.read(self.reading, 1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        for fd in (self.reading, self.writing):
            os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def as_stderr(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> object:
    """A guarded stream that takes the pipe for descriptor 2."""
    monkeypatch.setattr(pipe.stream, "fileno", lambda: 2, raising=False)
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(pipe.writing if fd == 2 else fd, data))
    return standard_streams._guarded(pipe.stream, 2)


def test_text_passes_the_filter_and_is_counted_as_it_was_given(pipe: Pipe) -> None:
    stream = standard_streams._guarded(pipe.stream, 1)
    assert stream.write("\x1b[31mred\n") == 9
    assert pipe.read() == b""
    stream.flush()
    assert pipe.read() == "␛[31mred\n".encode()
    assert stream.fileno() == pipe.writing
    assert not stream.isatty()
    assert stream.writable()


def test_bytes_are_not_filtered(pipe: Pipe) -> None:
    stream = standard_streams._guarded(pipe.stream, 1)
    stream.buffer.write(b"\x1b\xff")
    stream.flush()
    assert pipe.read() == b"\x1b\xff"


@pytest.mark.parametrize(
    ("encoding", "written"),
    [("utf-8", "é→".encode()), ("latin-1", b"\xe9\\u2192"), ("ascii", "é→".encode()), ("US-ASCII", "é→".encode())],
)
def test_what_an_encoding_does_not_have_is_a_number_and_ascii_becomes_utf_8(encoding: str, written: bytes) -> None:
    pipe = Pipe(encoding)
    stream = standard_streams._guarded(pipe.stream, 1)
    stream.write("é→")
    stream.flush()
    assert pipe.read() == written
    pipe.close()


def test_standard_error_is_written_at_once(pipe: Pipe, as_stderr: io.TextIOWrapper) -> None:
    as_stderr.write("half a line")
    assert pipe.read() == b"half a line"


def test_a_stream_in_memory_is_left_as_it_is() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    assert standard_streams._guarded(stream, 1) is stream


def test_a_write_error_is_a_sentence_but_a_reader_that_left_is_a_broken_pipe(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = standard_streams._guarded(pipe.stream, 1)

    def refuse(number: int) -> None:
        def write(fd: int, data: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "write", write)

    stream.write("x")
    refuse(errno.ENOSPC)
    with pytest.raises(OutputError, match=r"^standard output cannot be written: No space left on device$") as caught:
        stream.flush()
    assert isinstance(caught.value, UartsimError)
    refuse(errno.EPIPE)
    with pytest.raises(BrokenPipeError):
        stream.flush()
    monkeypatch.undo()
    stream.flush()
    assert str(OutputError()) == ""


def test_errors_of_standard_error_are_passed_over(as_stderr: io.TextIOWrapper, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(fd: int, data: object) -> int:
        raise OSError(errno.EIO, "gone")

    monkeypatch.setattr(os, "write", write)
    assert as_stderr.write("nobody hears this") == 17


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    os.set_blocking(pipe.writing, False)
    stream = standard_streams._guarded(pipe.stream, 1)
    found = bytearray()

    def wait(reading: list[int], writing: list[int], broken: list[int]) -> None:
        assert (reading, writing, broken) == ([], [pipe.writing], [])
        found.extend(pipe.read())  # which makes room

    monkeypatch.setattr("select.select", wait)
    much = "x" * (1 << 18)
    stream.write(much)
    stream.flush()
    assert len(found) >= 1 << 16
    assert found + pipe.read() == much.encode()


def test_what_draws_on_the_terminal_is_not_filtered_and_does_not_close_it(pipe: Pipe) -> None:
    stream = standard_streams._guarded(pipe.stream, 1)
    with unfiltered(stream) as drawing:
        drawing.write("\x1b[31m")
    assert pipe.read() == b"\x1b[31m"
    os.fstat(pipe.writing)
    other = io.StringIO()
    assert unfiltered(other) is other


def test_a_reader_may_leave(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = standard_streams._guarded(pipe.stream, 1)
    monkeypatch.setattr(sys, "stdout", stream)
    with reader_may_leave():
        stream.write("heard")
    assert pipe.read() == b"heard"
    files = len(os.listdir("/proc/self/fd"))
    os.dup2(os.open(os.devnull, os.O_RDONLY), pipe.reading)
    with reader_may_leave():
        stream.write("not heard")
        stream.flush()
        pytest.fail("the block goes on")
    stream.write("nor this")
    stream.flush()
    assert os.readlink(f"/proc/self/fd/{pipe.writing}") == os.devnull
    assert len(os.listdir("/proc/self/fd")) == files + 1


def test_an_abandoned_stream_that_has_no_descriptor_is_no_error() -> None:
    files = len(os.listdir("/proc/self/fd"))
    abandon(io.StringIO())
    assert len(os.listdir("/proc/self/fd")) == files


def test_what_was_written_before_is_not_held_back(pipe: Pipe) -> None:
    pipe.stream.write("before")
    stream = standard_streams._guarded(pipe.stream, 1)
    stream.write(" after")
    stream.flush()
    assert pipe.read() == b"before after"


#: Closes a standard stream as Python finds it closed at its start, and tries all three.
PROGRAM = """
import os, sys
from uartsim.standard_streams import abandon, guard_streams
closed = int(sys.argv[1])
if closed >= 0:
    os.close(closed)
    setattr(sys, ("stdin", "stdout", "stderr")[closed], None)
guard_streams()
fd = os.open("file", os.O_RDWR | os.O_CREAT)
assert fd > 2, fd
if closed == 2:
    os.write(2, b"x")
print("read", repr(sys.stdin.read()), file=sys.stderr)
try:
    print("out")
    sys.stdout.flush()
except OSError as error:
    print(type(error).__name__, error, file=sys.stderr)
sys.stderr.flush()
os.close(fd)
os.close(2)
abandon(sys.stdout)
os.fstat(2)
try:
    os.fstat(fd)
except OSError:
    os._exit(0)
"""


@pytest.mark.parametrize(
    ("closed", "out", "err"),
    [
        (-1, "out\n", "read 'in'\n"),
        (0, "out\n", "read ''\n"),
        (1, "", "read 'in'\nOutputError standard output cannot be written: Bad file descriptor\n"),
        (2, "out\n", ""),
    ],
)
def test_a_closed_stream_is_filled_and_no_file_takes_its_place(tmp_path: Path, closed: int, out: str, err: str) -> None:
    (tmp_path / "in").write_text("in")
    with (tmp_path / "in").open("r+") as stdin:
        ran = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(closed)],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join([*os.environ.get("PYTHONPATH", "").split(os.pathsep), ROOT]),
            },
            stdin=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (ran.stdout, ran.stderr, ran.returncode) == (out, err, 0)
    assert (tmp_path / "in").read_text() == "in"
    assert (tmp_path / "file").read_bytes() == b""
