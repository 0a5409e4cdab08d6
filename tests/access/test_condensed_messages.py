"""Messages that repeat: what is written, what is counted, and when the count is written."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from uartsim.access import log
from uartsim.access.log import LONGEST_REPEAT_S, OF_A_KIND, QUEUE_BYTES, REPEAT_S, Log, times


class Time:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(log, "time", made)
    return made


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    made = os.pipe()
    yield made
    for fd in made:
        os.close(fd)


def test_a_count_is_said_in_words() -> None:
    assert [times(count) for count in (1, 2, 12)] == ["once more", "2 more times", "12 more times"]


def test_a_repetition_is_counted_and_said_with_the_first_after_a_while(time: Time) -> None:
    made = Log(1)
    assert made.condense("lost") == ["lost"]
    assert made.condense("lost") == []
    time.now += REPEAT_S - 0.5
    assert made.condense("lost") == []
    time.now += 0.5
    assert made.condense("lost") == ["lost (3 more times)"]
    assert made.condense("lost") == []
    time.now += 2 * REPEAT_S - 0.5
    assert made.condense("lost") == []
    time.now += 0.5
    assert made.condense("lost") == ["lost (3 more times)"]
    for _ in range(20):
        time.now += LONGEST_REPEAT_S
        assert made.condense("lost") == ["lost (once more)"]


def test_of_messages_that_differ_in_numbers_a_few_are_said_and_the_last_with_how_many_more(time: Time) -> None:
    made = Log(1)
    said = [made.condense(f"pty {number}.5 is full") for number in range(OF_A_KIND + 3)]
    assert said == [[f"pty {number}.5 is full"] for number in range(OF_A_KIND)] + [[]] * 3
    assert made.condense("pty 0.5 is full") == []
    time.now += REPEAT_S
    assert made.condense("pty 99.5 is full") == ["pty 0.5 is full (once more)", "pty 99.5 is full (and 3 more like it)"]
    time.now += 2 * REPEAT_S
    assert made.condense("pty 7.5 is full") == ["pty 7.5 is full"]
    assert made.condense("another") == ["another"]


def test_only_so_many_kinds_are_remembered_and_what_was_counted_of_one_is_said_as_it_goes(time: Time) -> None:
    made = Log(1)
    words = [f"kind {chr(0x100 + number)}" for number in range(65)]
    made.condense(words[0])
    made.condense(words[1])
    made.condense(words[1])
    made.condense(words[0])  # now the other is the oldest
    for word in words[2:64]:
        assert made.condense(word) == [word]
    assert made.condense(words[64]) == [f"{words[1]} (once more)", words[64]]
    assert made.condense(words[0]) == []
    assert made.condense(words[1]) == [words[1]]


def test_lines_are_written_with_what_was_counted_at_the_end(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    made = Log(writing)
    for _ in range(3):
        made.say("\x1blost")
    assert made.close()
    assert os.read(reading, 1 << 16).decode() == "uartsim: ␛lost\nuartsim: ␛lost (2 more times)\n"


def test_what_does_not_fit_the_queue_is_counted_and_said(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    made = Log(writing)
    made.write("x" * (QUEUE_BYTES - 1) + "\n")  # as much as a pipe holds
    assert made.flush(30)
    made.write("y" * (QUEUE_BYTES - 1) + "\n")
    made.write("lost\n")
    made.write("lost too\n")
    assert not made.flush(0.0)
    got = b""
    while not got.endswith(b"nobody read them\n"):
        got += os.read(reading, 1 << 16)
    assert made.flush(30)
    assert got == b"x" * (QUEUE_BYTES - 1) + b"\n" + b"y" * (QUEUE_BYTES - 1) + (
        b"\nuartsim: 2 lines could not be written here: nobody read them\n"
    )
    made.write("again\n")
    assert made.flush(30)
    assert os.read(reading, 1 << 16) == b"again\n"
