"""A trace that was damaged says so and where; in one of the first version some changes make another trace that is valid."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.record.rig import AT_115200
from tests.trace.test_replay import driven
from uartsim.errors import UsageError
from uartsim.line_format import NEVER
from uartsim.record.events import tell
from uartsim.record.tap import RecordHeader
from uartsim.record.trace_format import BLOCK_HEAD, Kind
from uartsim.record.trace_writer import TraceWriter
from uartsim.record.vcd import VcdWriter
from uartsim.trace.listing import Listing
from uartsim.trace.reader import Trace, read_trace
from uartsim.trace.replay import Replayed, replay
from uartsim.trace.summary import summarize

ERRORS = Path(__file__).resolve().parents[2] / "fixtures" / "traces" / "errors.trace"
#: The same recording in the first version of the format, without checksums.
OLD = Path(__file__).with_name("errors-version-1.trace")


def outcome(path: Path, content: bytes) -> Replayed | str:
    """The replay of a trace with this content, or what is wrong with it; anything but these fails the test."""
    path.write_bytes(content)
    try:
        return replay(read_trace(str(path)))
    except UsageError as error:
        return str(error).removeprefix(str(path))


def changes(content: bytes, begin: int = 0) -> Iterator[tuple[int, bytes]]:
    """Contents of which one byte is another: by its place."""
    for place in range(begin, len(content)):
        for value in (content[place] ^ 1, content[place] ^ 0x80, content[place] ^ 0x14, 0, 0xFF):
            if value != content[place]:
                yield place, content[:place] + bytes((value,)) + content[place + 1 :]


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """A trace of everything that a driver does, in several blocks."""
    path = tmp_path / "whole.trace"
    driven(path)
    return path.read_bytes()


@pytest.mark.parametrize("of", ["errors", "driven"])
def test_every_change_of_a_byte_is_damage_and_its_place_is_named(tmp_path: Path, whole: bytes, of: str) -> None:
    if of == "errors":
        whole = ERRORS.read_bytes()
    header = whole.index(b"\n") + 1
    for place, content in islice(changes(whole), 0, None, 4 if of == "driven" else 1):
        said = outcome(tmp_path / "a.trace", content)
        assert isinstance(said, str), f"byte {place} may be another"
        if place < header:
            assert re.match(
                r" (is damaged at byte 0|is not a trace|is a trace of version|has a header|is of a chip)", said
            ), said
        else:
            assert (found := re.match(r" is damaged at byte (\d+): ", said)), said
            assert int(found[1]) <= place


def test_a_change_in_the_first_version_is_damage_or_what_the_changed_trace_says(tmp_path: Path) -> None:
    content = OLD.read_bytes()
    assert read_trace(str(OLD)).version == 1
    others = 0
    for _, other in changes(content, content.index(b"\n") + 1):
        done = outcome(tmp_path / "a.trace", other)
        if isinstance(done, str):
            assert done.startswith(" is damaged at byte "), done
        else:
            others += 1
    assert others > 100


def test_a_trace_of_the_first_version_is_read_as_ever() -> None:
    assert read_trace(str(ERRORS)).version == 2
    assert list(read_trace(str(OLD))) == list(read_trace(str(ERRORS)))
    assert replay(read_trace(str(OLD))) == replay(read_trace(str(ERRORS)))


@pytest.mark.parametrize("version", [1, 2])
def test_a_changed_trace_is_listed_summed_up_and_drawn_or_said_to_be_damaged(
    tmp_path: Path, whole: bytes, version: int
) -> None:
    content = OLD.read_bytes() if version == 1 else whole
    path = tmp_path / "a.trace"
    chance = random.Random(version)
    said: set[str] = set()
    for _, other in chance.sample(list(changes(content, content.index(b"\n") + 1)), 150):
        path.write_bytes(other)
        for read in (summarize, lambda trace: list(Listing().lines(trace, True)), drawn):
            try:
                read(read_trace(str(path)))
            except UsageError as error:
                said.add(str(error).removeprefix(str(path))[:20])
    assert said == {" is damaged at byte "}


def drawn(trace: Trace) -> None:
    """A waveform of it."""
    out = Path(trace.path).with_suffix(".vcd")
    out.unlink(missing_ok=True)
    writer = VcdWriter(str(out), trace.header)
    try:
        for event in trace:
            tell(event, writer)
    finally:
        writer.close()


@settings(max_examples=60)
@given(st.data())
def test_a_block_that_is_missing_doubled_or_elsewhere_is_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("trace") / "a.trace"
    writer = TraceWriter(str(path), RecordHeader())
    for n in range(6):
        writer.write(n * 1000, 7, n)
        writer.flush()
    writer.close()
    content = path.read_bytes()
    header = content.index(b"\n") + 1
    blocks: list[bytes] = []
    while header < len(content):
        length = BLOCK_HEAD + int.from_bytes(content[header + 1 : header + 5], "little")
        blocks.append(content[header : header + length])
        header += length
    assert len(blocks) == 1 + 6 + 1
    first = content[: content.index(b"\n") + 1]
    other = data.draw(st.lists(st.sampled_from(blocks), max_size=9))
    done = outcome(path, first + b"".join(other))
    if other == blocks[: len(other)]:
        assert isinstance(done, Replayed)
        assert (done.cut_at is None) is (len(other) == len(blocks))
    else:
        assert isinstance(done, str)
        assert done.startswith(" is damaged at byte ")


@pytest.mark.parametrize("zeros", [0, 8, 600])
def test_a_trace_that_was_cut_off_or_ends_in_a_crash_s_zeros_is_not_damaged(
    tmp_path: Path, whole: bytes, zeros: int
) -> None:
    for size in range(whole.index(b"\n") + 1, len(whole), 3):
        done = outcome(tmp_path / "a.trace", whole[:size] + bytes(zeros))
        assert isinstance(done, Replayed), (size, done)
        assert (done.found, done.cut_at is None) == (0, False)


def test_what_follows_the_end_is_damage(tmp_path: Path, whole: bytes) -> None:
    old = OLD.read_bytes()
    for content in (whole, old):
        assert "something follows the recording's end" in str(outcome(tmp_path / "a.trace", content + b"\x01"))
        assert isinstance(outcome(tmp_path / "a.trace", content + bytes(100)), Replayed)
    early = bytearray(old)
    early[old.index(b"\n") + 1] = Kind.END << 2
    assert "something follows the recording's end" in str(outcome(tmp_path / "a.trace", bytes(early)))


@pytest.mark.parametrize(
    ("records", "why"),
    [
        (b"\x05\xe8\x07", "a time is too large for the clock"),
        (b"\x81\xe8\x07\x55", "a time is too large for the clock"),
        (bytes((Kind.LOST << 2, 1, 0xE8, 0x07)), "a time is too large for the clock"),
        (b"\x84", "an access repeats the value of an earlier one"),
        (bytes((Kind.RECEIVED << 2, 0x41, 0x40)), "the byte 0x40 has bits set that are not in 0x1c"),
        (bytes((Kind.MODEM_INPUTS << 2, 0x0F)), "the byte 0x0f has bits set that are not in 0xf0"),
        (bytes((Kind.MODEM_OUTPUTS << 2, 0x10)), "the byte 0x10 has bits set that are not in 0x0f"),
        (b"\x05\x7f" + bytes((Kind.LOST << 2, 1, 0, Kind.RESET << 2)), "time goes backwards"),
    ],
)
def test_what_no_port_can_have_done_is_damage(tmp_path: Path, records: bytes, why: str) -> None:
    header = json.dumps({"uartsim": "trace", "version": 1, "start": NEVER - 1000}).encode() + b"\n"
    said = str(outcome(tmp_path / "a.trace", header + records))
    assert why in said
    assert said.startswith(" is damaged at byte ")


def test_twice_the_trace_takes_twice_the_time(tmp_path: Path) -> None:
    def seconds(count: int) -> float:
        path = tmp_path / f"{count}.trace"
        writer = TraceWriter(str(path), RecordHeader())
        for n in range(count):
            writer.sent(n * AT_115200.frame_ticks, b"x", AT_115200)
            writer.write(n * AT_115200.frame_ticks, 7, n & 0xFF)
        writer.close()
        begin = time.process_time()
        replay(read_trace(str(path)))
        return time.process_time() - begin

    small = min(seconds(n) for n in (10_000, 10_001))
    large = min(seconds(n) for n in (40_000, 40_001))
    assert large < 10 * small  # four times; sixteen would be quadratic
