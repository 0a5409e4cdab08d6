"""Nothing takes a time that grows faster than what a stranger wrote: each reader gets its worst text, and twice as much.

A reader that looks at everything again for each line takes four times as long for twice the text, or more.  The bound is
between that and two; the shortest of some runs is taken, so that a busy machine does not decide.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from uartsim.access.harmless_output import HarmlessFilter
from uartsim.access.output_filters import ClipboardFilter
from uartsim.access.terminal_modes import Modes
from uartsim.console.problems.problem_catalogue import Catalogue
from uartsim.console.problems.saved_log import SavedLog
from uartsim.console.sac.sac_text import closed_channel, read_channels
from uartsim.console.shell.other_command_lines import COMMAND_LINES
from uartsim.control_sequences import ControlSequenceParser
from uartsim.errors import UartsimError
from uartsim.guest.assembler_listing import read_listing
from uartsim.guest.manifest import near_matches, parse_manifest
from uartsim.guest.placeholders import fill_in
from uartsim.guest.snapshot import PortSnapshot
from uartsim.machine.port_options import read_fault
from uartsim.printable import printable
from uartsim.record.transcript import read_transcript
from uartsim.toml_text import TomlMistake, parse_toml, statements
from uartsim.trace.reader import read_trace
from uartsim.trace.waveform import read_waveform

#: Twice the text may take so many times as long; what is quadratic takes four times, and what is worse, more.
MOST = 3.3
#: What takes less than this is not measured: the clock and the machine's noise would be.
LEAST_S = 0.004

GUEST = '[guest]\nkind = "script"\ndescription = "x"\n'
HEADER = b'{"uartsim": "transcript", "version": 1}\n'
VCD = "$timescale 1 ns $end $scope module m $end $var wire 1 ! TXD $end $upscope $end $enddefinitions $end\n"


def manifest(text: Callable[[int], str]) -> Callable[[int, Path], Callable[[], object]]:
    return lambda size, folder: lambda: parse_manifest(text(size), folder / "guest.toml")


def in_file(
    content: Callable[[int], str | bytes], read: Callable[[str], object]
) -> Callable[[int, Path], Callable[[], object]]:
    def make(size: int, folder: Path) -> Callable[[], object]:
        file = folder / "file"
        found = content(size)
        file.write_bytes(found.encode() if isinstance(found, str) else found)
        return lambda: read(str(file))

    return make


def of_text(
    content: Callable[[int], str], read: Callable[[str], object]
) -> Callable[[int, Path], Callable[[], object]]:
    return lambda size, folder: lambda: read(content(size))


def _problems(path: str) -> object:
    return list(SavedLog(path, Catalogue.standard()).problems())


def _screen(text: str) -> object:
    data = text.encode()
    parser, modes, clipboard = ControlSequenceParser(), Modes(), ClipboardFilter()
    for at in range(0, len(data), 1000):
        modes.follow(clipboard.filter(parser.feed(data[at : at + 1000])))
    return modes.undo()


def _played(text: str) -> object:
    data = text.encode()
    filtered = HarmlessFilter()
    return [filtered.feed(data[at : at + 1000]) for at in range(0, len(data), 1000)]


def command_line_output(text: str) -> object:
    return COMMAND_LINES["sac"].output(text)


def taken_apart(data: bytes) -> Callable[[int, Path], Callable[[], object]]:
    return lambda size, folder: partial(ControlSequenceParser().feed, data * size)


READERS = {
    "a mistake beside a long array": (1000, manifest(lambda n: GUEST + "x = [\n" + '"a",\n' * n + "]\n")),
    "a mistake behind a long string": (4000, manifest(lambda n: GUEST + 'x = """' + "a\n" * n + '"""\n')),
    "a mistake behind many keys": (1000, manifest(lambda n: GUEST + "".join(f"k{i} = 1\n" for i in range(n)))),
    "many tables": (1000, manifest(lambda n: GUEST + "[[needs]]\n" * n)),
    "a key of many parts": (8000, of_text(lambda n: "a." * n + "a = 1", parse_toml)),
    "a header of many parts": (8000, of_text(lambda n: "[" + '"a" . ' * n + "a]", parse_toml)),
    "a string without end": (20_000, of_text(lambda n: 'a = """' + '\\"""\\"' * n, parse_toml)),
    "brackets without end": (20_000, of_text(lambda n: "a = " + "[" * n, parse_toml)),
    "lines of brackets": (2000, of_text(lambda n: "a = [\n" + "[\n" * n, lambda text: list(statements(text)))),
    "a long unknown name": (20_000, of_text(lambda n: "ab" * n, lambda text: near_matches(text, ["ba" * 20_000, "x"]))),
    "a transcript of false claims": (
        4000,
        in_file(lambda n: HEADER + b'[0,"O",%d]\n' % (n * 10) * n, lambda path: list(read_transcript(path))),
    ),
    "a transcript of brackets": (
        20_000,
        in_file(lambda n: HEADER + b"[" * n, lambda path: list(read_transcript(path))),
    ),
    "a transcript of short rows": (
        3000,
        in_file(lambda n: HEADER + b'[0,"o","x"]\n' * n, lambda path: list(read_transcript(path))),
    ),
    "a trace of one byte": (
        20_000,
        in_file(
            lambda n: b'{"uartsim": "trace", "version": 1, "ticks_per_second": 144000000000}\n' + b"\x00" * n,
            lambda path: list(read_trace(path)),
        ),
    ),
    "a listing": (
        3000,
        in_file(lambda n: "".join(f"{2 * i:04X} 9090 nop\n" for i in range(n)), lambda path: read_listing(Path(path))),
    ),
    "a listing of one line": (20_000, in_file(lambda n: "7C00 " + "90" * n, lambda path: read_listing(Path(path)))),
    "a table of SAC's channels of blank lines": (20_000, of_text(lambda n: "\n" * n + " " * n, read_channels)),
    "a row of SAC's channels of blanks": (20_000, of_text(lambda n: "1 (AV) x" + " x" * n, read_channels)),
    "events of SAC": (2000, of_text(lambda n: "EVENT: A channel has been closed. \n" * n + "\n" * n, closed_channel)),
    "dashes before SAC's next page": (20_000, of_text(lambda n: "-" * n + "Press", command_line_output)),
    "pages of SAC": (2000, of_text(lambda n: "-- Press Enter for more -- x\n" * n, command_line_output)),
    "a snapshot of brackets": (20_000, in_file(lambda n: "[" * n, lambda path: PortSnapshot.read(Path(path)))),
    "a snapshot of rows": (
        5000,
        in_file(
            lambda n: json.dumps({"version": 1, "line": [[0, "00", 1, 8, "N", 2]] * n}),
            lambda path: PortSnapshot.read(Path(path)),
        ),
    ),
    "a waveform of changes": (
        3000,
        in_file(
            lambda n: VCD + "".join(f"#{i}\n{i % 2}!\n" for i in range(n)),
            lambda path: read_waveform(path, None, None, None),
        ),
    ),
    "a waveform of modules": (
        2000,
        in_file(lambda n: "$scope module m $end\n" * n, lambda path: read_waveform(path, None, None, None)),
    ),
    "a catalogue of texts": (
        2000,
        in_file(lambda n: '[[problem]]\nid = "a"\nexamples = [\n' + '"x",\n' * n + "]\n", Catalogue.load),
    ),
    "a log of one line": (60_000, in_file(lambda n: "a" * n, _problems)),
    "a log of escapes": (30_000, in_file(lambda n: "\x1b[1;" * n, _problems)),
    "a log of stamps": (500, in_file(lambda n: "[    1.0] x\n" * n, _problems)),
    "a fault of many values": (5000, of_text(lambda n: "noise:" + "rate=1," * n, read_fault)),
    "placeholders": (20_000, of_text(lambda n: "{" * n + "a" * n, lambda text: fill_in(text, {}, "here"))),
    "text for a person": (20_000, of_text(lambda n: "\x1b\x9d\u202e" * n, printable)),
    "what a guest switches": (20_000, of_text(lambda n: "\x1b[?1;" * n + "\x1b]52;" * n + "\x1b[3" * n, _screen)),
    "bytes that are controls": (10_000, taken_apart(b"\x9d\xc2\x9b\xe2")),
    "strings in strings": (10_000, taken_apart(b"\x1b]\x1bP\x9b")),
    "a character without end": (10_000, taken_apart(b"\xc2\xe2\x80\xf0")),
    "a title without end": (40_000, of_text(lambda n: "\x1b]0;" + "a" * n, _played)),
    "what a record draws": (20_000, of_text(lambda n: "\x1b]0;a\x07" * n + "\x1b]2;\r" + "b\x1b[?1;25h" * n, _played)),
    "a sequence without end": (40_000, of_text(lambda n: "\x1b[" + "1;" * n, _screen)),
}


def seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    with contextlib.suppress(UartsimError, TomlMistake):
        work()
    return time.process_time() - begin


@pytest.mark.parametrize("name", READERS)
def test_twice_the_text_takes_about_twice_as_long(name: str, tmp_path: Path) -> None:
    size, make = READERS[name]
    once = make(size, tmp_path)
    for _ in range(4):  # until it is long enough to be measured
        if seconds(once) > LEAST_S:
            break
        size *= 2
        once = make(size, tmp_path)
    short = long = 0.0
    for _ in range(3):
        short = min(seconds(once) for _ in range(3))
        long = min(seconds(make(2 * size, tmp_path)) for _ in range(3))
        if long < LEAST_S or long < MOST * max(short, LEAST_S / 2):
            return
        size *= 2  # memory has sizes of its own, at which a step is steep; what is quadratic is so at the next as well
        once = make(size, tmp_path)
    raise AssertionError(f"{size // 2}: {short:.4f} s, {size}: {long:.4f} s")


def test_a_mistake_beside_a_long_array_is_named_with_its_line(tmp_path: Path) -> None:
    text = GUEST + "[settings]\na = 1\n[script]\nfile = [\n" + '"a",\n' * 4000 + "]\n"
    with pytest.raises(UartsimError, match=r"guest\.toml:7: 'file' must be a string"):
        parse_manifest(text, tmp_path / "guest.toml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = 1\nb = 2", [(1, "a = 1"), (2, "b = 2")]),
        ('a = """\n]\n\\"""x\n""""\nb = 1', [(1, 'a = """\n]\n\\"""x\n""""'), (5, "b = 1")]),
        ("a = [ # ]\n1,\n]\r\n['x]']\n", [(1, "a = [ # ]\n1,\n]"), (4, "['x]']")]),
        ("a = '''\n[\n''''' # '\nb = {c = ']'}", [(1, "a = '''\n[\n''''' # '"), (4, "b = {c = ']'}")]),
    ],
)
def test_statements_end_where_toml_has_their_end(text: str, found: list[tuple[int, str]]) -> None:
    assert list(statements(text)) == found


def test_a_description_with_many_dots_is_no_key_of_many_parts() -> None:
    assert parse_toml(f'a = "{"1." * 500}"')["a"] == "1." * 500
