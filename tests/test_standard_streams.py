"""Standard streams that are safe to write to, with descriptors of the tests' own."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim import standard_streams
from uartsim.errors import UartsimError
from uartsim.standard_streams import OutputError, abandon, reader_may_leave, unfiltered


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


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    stream = standard_streams._guarded(pipe.stream, 1)
    much = "x" * (1 << 18)
    found = bytearray()

    def read() -> None:
        while len(found) < len(much):
            found.extend(os.read(pipe.reading, 1 << 16))

    reader = threading.Thread(target=read)
    reader.start()
    stream.write(much)
    stream.flush()
    reader.join()
    assert found == much.encode()


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


@pytest.mark.parametrize(
    ("closed", "said"),
    [
        ("<&-", b"b''\nout\n"),
        ("2>&-", b"''\nout\n"),
        (">&-", b"OutputError: standard output cannot be written: Bad file descriptor\n"),
    ],
)
def test_a_closed_stream_is_filled_and_no_file_takes_its_place(tmp_path: Path, closed: str, said: bytes) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from uartsim.standard_streams import guard_streams\n"
        "guard_streams()\n"
        "fd = os.open('file', os.O_RDWR | os.O_CREAT)\n"
        "assert fd > 2, fd\n"
        "print(repr(sys.stdin.buffer.read() if sys.argv[1] == '<&-' else sys.stdin.read()))\n"
        "print('err', file=sys.stderr)\n"
        "try:\n"
        "    print('out')\n"
        "    sys.stdout.flush()\n"
        "except OSError as error:\n"
        "    sys.stderr.write(f'{type(error).__name__}: {error}\\n')\n"
        "    os._exit(0)\n"
    )
    ran = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, str(program), closed],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    said_there = ran.stderr.replace(b"err\n", b"") if closed == ">&-" else ran.stdout
    assert said_there == said
    assert ran.returncode == 0
    assert (tmp_path / "file").read_bytes() == b""
