"""Writes that the system takes only in part: nothing is lost or doubled, in a transcript and in its limits."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.line_format import TICKS_PER_SECOND
from uartsim.record import Event, TranscriptWriter, read_transcript


def pieces(monkeypatch: pytest.MonkeyPatch, size: int) -> list[int]:
    """The system takes so many bytes at a time; returns how many it has taken, call by call."""
    taken: list[int] = []

    def pwritev(fd: int, parts: list[bytes], offset: int) -> int:
        assert parts
        data = b"".join(parts)[:size]
        assert data, "nothing is left to be written"
        taken.append(os.pwrite(fd, data, offset))
        return taken[-1]

    monkeypatch.setattr(os, "pwritev", pwritev)
    return taken


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_write_in_pieces_is_gone_on_with_where_it_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    taken = pieces(monkeypatch, size)
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    block = bytes(range(256)) * 17
    for number in range(3):
        writer.output(b"abc", number * TICKS_PER_SECOND)
        writer.input(block, number * TICKS_PER_SECOND)
    writer.close()
    assert (writer.lost, writer.lost_notes, writer.trouble) == (0, 0, "")
    assert sum(taken) == os.path.getsize(tmp_path / "record")
    expected = [event for n in range(3) for event in (Event(n, "o", b"abc"), Event(n, "i", block))]
    assert list(read_transcript(str(tmp_path / "record"))) == expected


def test_many_lines_at_once_are_whole(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    for count in (63, 64, 65, 2000):
        for number in range(count):
            writer.mark(str(number), 0)
        writer.flush()
    writer.close()
    marks = [event.data for event in read_transcript(str(tmp_path / "record"))]
    assert marks == [str(number) for count in (63, 64, 65, 2000) for number in range(count)]


@pytest.mark.parametrize(("size", "kind"), [(4095, b'"o"'), (4096, b'"O"')])
def test_a_long_run_is_stored_as_it_is(tmp_path: Path, size: int, kind: bytes) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    writer.output(b"\0" * size, 0)
    writer.close()
    assert kind in (tmp_path / "record").read_bytes().splitlines()[1]
    assert list(read_transcript(str(tmp_path / "record"))) == [Event(0.0, "o", b"\0" * size)]


def test_what_gathers_is_known_and_goes_at_64_kibibytes(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    assert writer.gathered == 0
    before = os.path.getsize(tmp_path / "record")
    writer.mark("", 0)
    line = writer.gathered
    assert line == len(b'[0.0,"m",""]\n')
    writer.mark("x" * (65_535 - 2 * line), 0)
    assert writer.gathered == 65_535
    assert os.path.getsize(tmp_path / "record") == before
    writer.mark("", 0)
    assert writer.gathered == 0
    assert os.path.getsize(tmp_path / "record") == before + 65_535 + line
    writer.close()


def test_the_buffer_goes_to_the_file_when_it_is_full_to_the_byte(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    before = os.path.getsize(tmp_path / "record")
    writer.mark("x" * (65_536 - len(b'[0.0,"m",""]\n')), 0)
    assert (writer.gathered, os.path.getsize(tmp_path / "record")) == (0, before + 65_536)
    writer.close()


def test_closing_and_discarding_let_go_of_the_file_once(tmp_path: Path) -> None:
    files = len(os.listdir("/proc/self/fd"))
    for end in ("close", "discard"):
        writer = TranscriptWriter(str(tmp_path / end), "box", "", 0)
        assert len(os.listdir("/proc/self/fd")) == files + 1
        getattr(writer, end)()
        assert len(os.listdir("/proc/self/fd")) == files
        writer.close()
    assert os.listdir(tmp_path) == ["close"]


def test_a_full_disk_is_said_with_the_systems_words_and_where_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    write = os.pwritev

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "pwritev", refuse)
    writer.output(b"abc", 1 * TICKS_PER_SECOND)
    writer.line_break("o", 1 * TICKS_PER_SECOND)
    writer.flush()
    writer.mark("m", 2 * TICKS_PER_SECOND)
    writer.flush()
    assert (writer.lost, writer.lost_notes, writer.trouble) == (3, 2, "No space left on device")
    monkeypatch.setattr(os, "pwritev", write)
    writer.output(b"d", 3 * TICKS_PER_SECOND)
    writer.close()
    assert list(read_transcript(str(tmp_path / "record"))) == [
        Event(3.0, "m", "3 bytes of the line and 2 breaks or marks are missing here: No space left on device"),
        Event(3.0, "o", b"d"),
    ]
    assert (writer.lost, writer.lost_notes) == (3, 2)


def test_a_file_that_cannot_be_written_from_the_start_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.EDQUOT, "quota")

    files = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr(os, "pwritev", refuse)
    with pytest.raises(
        UsageError, match=r"the record .*/record cannot be written \(Disk quota exceeded\): give another"
    ):
        TranscriptWriter(str(tmp_path / "record"), "box", "", 0)
    assert os.listdir(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == files


def test_times_count_from_the_start(tmp_path: Path) -> None:
    writer = TranscriptWriter(str(tmp_path / "record"), "box", "115200 8N1", 5 * TICKS_PER_SECOND)
    writer.output(b"a", 5 * TICKS_PER_SECOND + 144)
    writer.line_break("i", 7 * TICKS_PER_SECOND)
    writer.close()
    header, *events = (tmp_path / "record").read_text().splitlines()
    assert header.startswith('{"uartsim": "transcript", "version": 1, "name": "box", "format": "115200 8N1", "begun": ')
    assert events == ['[1e-09,"o","a"]', '[2.0,"b","i"]']
