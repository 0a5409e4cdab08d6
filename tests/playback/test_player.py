"""Playing a record, on a clock of the test's own."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from uartsim.playback.record_player import Player
from uartsim.record.casts import Record
from uartsim.record.transcript import Event


class Terminal:
    """Takes what is played, and has a clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.shown: list[tuple[float, bytes]] = []
        self.player = Player(self.write, self.sleep, lambda: self.now)

    def write(self, data: bytes) -> None:
        self.shown.append((self.now - 100, data))

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def output(self) -> bytes:
        return b"".join(data for _, data in self.shown)


RECORD = Record(
    "box",
    24,
    80,
    (Event(1, "o", b"a"), Event(2, "i", b"x"), Event(3, "o", b"b"), Event(3, "m", "m"), Event(13, "o", b"c")),
)


@pytest.mark.parametrize(
    ("options", "times"),
    [
        ({}, [1, 3, 13]),
        ({"speed": 2}, [0.5, 1.5, 6.5]),
        ({"speed": math.inf}, [0, 0, 0]),
        ({"idle_limit_s": 2}, [1, 3, 5]),
        ({"idle_limit_s": 2, "speed": 4}, [0.25, 0.75, 1.25]),
        ({"begin_s": 3}, [0, 0, 10]),
    ],
)
def test_output_comes_when_it_came(options: dict[str, float], times: list[float]) -> None:
    terminal = Terminal()
    terminal.player.play(RECORD, **options)
    assert terminal.shown == [(time, data) for time, data in zip(times, (b"a", b"b", b"c"), strict=True)]


def test_a_record_says_how_long_its_pauses_may_be() -> None:
    terminal = Terminal()
    terminal.player.play(replace(RECORD, idle_limit_s=2.0))
    assert [time for time, _ in terminal.shown] == [1, 3, 5]


def test_a_file_gets_every_byte() -> None:
    terminal = Terminal()
    terminal.player = Player(terminal.write, terminal.sleep, lambda: terminal.now, is_terminal=False)
    terminal.player.play(Record("", 24, 80, (Event(0, "o", b"a\x1b[6n\x1b]52;c;aGk=\x07\x1b[?25l"),)))
    terminal.player.undo()
    assert terminal.output == b"a\x1b[6n\x1b]52;c;aGk=\x07\x1b[?25l"


def test_a_terminal_that_is_slow_is_caught_up_with() -> None:
    terminal = Terminal()
    late = iter([5.0, 0, 0])

    def write(data: bytes) -> None:
        terminal.write(data)
        terminal.now += next(late)

    terminal.player = Player(write, terminal.sleep, lambda: terminal.now)
    terminal.player.play(RECORD)
    assert [time for time, _ in terminal.shown] == [1, 6, 13]


def test_neither_clipboard_nor_answers_of_the_terminal_are_the_records() -> None:
    terminal = Terminal()
    hostile = b"a\x1b]52;c;cm0gLXJmIC8=\x07b\x1b[6nc\x1b[c\x1b]11;?\x07d\x1bZ\x1b[1;31me\x1b[m"
    for size in (1, len(hostile)):
        terminal.shown.clear()
        pieces = [Event(0, "o", hostile[at : at + size]) for at in range(0, len(hostile), size)]
        terminal.player.play(Record("", 24, 80, tuple(pieces)))
        assert terminal.output == b"abcd\x1b[1;31me\x1b[m"


def test_what_the_record_switches_on_the_terminal_is_undone() -> None:
    terminal = Terminal()
    terminal.player.play(Record("", 24, 80, (Event(0, "o", b"\x1b[?25l\x1b[?1049h\x1b[4h\x1b(0\x1b[1m"),)))
    terminal.shown.clear()
    terminal.player.undo()
    for sequence in (b"\x1b[?25h", b"\x1b[?1049l", b"\x1b[4l", b"\x1b(B", b"\x1b[0m"):
        assert sequence in terminal.output
    terminal.shown.clear()
    terminal.player.undo()
    assert terminal.output == b""  # it is done once, as where a signal comes at the end


def test_a_reset_in_a_record_is_none_of_the_persons_terminal() -> None:
    terminal = Terminal()
    terminal.player.play(Record("", 24, 80, (Event(0, "o", b"\x1b[?1049ha\x1bcb"),)))
    assert terminal.output == b"\x1b[?1049ha\x1b[?1049l\x1b[m\x1b[H\x1b[2Jb"
    terminal.shown.clear()
    terminal.player.undo()
    assert terminal.output == b""
