"""What is wrong with a line though no text says so."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.problems.watchdogs import GARBAGE_WINDOW, GarbageWatch, LossWatch, SilenceWatch
from uartsim.machine.losses import MEANINGS

TEXTS = {
    "a boot": b"[    0.000000] Linux version 6.1.0\r\n" * 20,
    "a screen": b"\x1b[H\x1b[J\x1b[7m*Debian GNU/Linux\x1b[m\x0e\x0f\x07\x08 \x08" * 20,
    "UTF-8": "└─ größer 日本語テキスト\r\n".encode() * 20,
    "breaks": b"login: \x00\x00" * 40,
}


@pytest.mark.parametrize("data", TEXTS.values(), ids=TEXTS)
def test_what_terminals_get_is_no_garbage(data: bytes) -> None:
    for offset in range(4):
        assert GarbageWatch().feed(data[offset:]) is None


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_garbage(seed: int) -> None:
    finding = GarbageWatch().feed(random.Random(seed).randbytes(GARBAGE_WINDOW))
    assert finding is not None
    assert isinstance(finding["percent"], int)
    assert 40 < finding["percent"] <= 100


def test_garbage_is_told_once_until_there_is_text_again() -> None:
    noise, text = b"\xf8\x80" * GARBAGE_WINDOW, b"abcd" * GARBAGE_WINDOW
    watch = GarbageWatch()
    assert watch.feed(noise) == {"percent": 98, "count": GARBAGE_WINDOW}
    assert watch.feed(noise) is None
    assert watch.feed(text) is None
    assert watch.feed(noise) is not None


@given(
    st.lists(st.sampled_from([b"text and more", b"\xff\x80\xf8", "日本".encode(), b"\x1b[0m"]), max_size=80), st.data()
)
def test_garbage_does_not_depend_on_how_the_bytes_were_cut(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    watch = GarbageWatch()
    found = [watch.feed(stream[a:b]) for a, b in itertools.pairwise([0, *cuts, len(stream)])]
    first = next((finding for finding in found if finding), None)
    assert first == GarbageWatch().feed(stream)


def test_silence_is_told_once_for_each() -> None:
    watch = SilenceWatch(limit_s=10.0, now_s=100.0)
    assert watch.check(109.9) is None
    assert watch.check(110.0) == {"seconds": "10"}
    assert watch.check(200.0) is None
    watch.heard(200.0)
    assert watch.check(209.0) is None
    assert watch.check(212.0) == {"seconds": "12"}


def test_losses_are_told_by_how_much_they_grew() -> None:
    watch = LossWatch()
    assert watch.check({"overruns": 0, "missed": 0, "bytes_in": 7}) == []
    (first,) = watch.check({"overruns": 3, "missed": 0})
    assert first == {"count": 3, "lost": "3 characters were", "where": "the guest's receiver was overrun"}
    (second,) = watch.check({"overruns": 3, "missed": 5})
    assert second["count"] == 5


@pytest.mark.parametrize("counter", [*MEANINGS, "missed"])
def test_every_counter_of_lost_characters_is_watched(counter: str) -> None:
    watch = LossWatch()
    (finding,) = watch.check({counter: 7})
    assert finding["count"] == 7
    assert watch.check({counter: 7}) == []
