"""The corpus of real terminal noise in ``fixtures/noise``, through everything that reads a console."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.console.problems.problem_watch import ProblemWatch
from uartsim.console.text.cleaned_text import TextCleaner, Transcript
from uartsim.console.text.kernel_lines import KernelLifter, Plain
from uartsim.console.text.matcher import Matcher
from uartsim.console.text.patterns import expression

FOLDER = Path(__file__).resolve().parents[2] / "fixtures" / "noise"
NOISE: list[dict[str, Any]] = tomllib.loads((FOLDER / "manifest.toml").read_text())["noise"]
NAMES = [noise["name"] for noise in NOISE]
#: What is a problem in them; all others have none.
PROBLEMS = {
    "agetty-login": {"login.denied"},
    "systemd-boot": {"systemd.failed", "systemd.hang"},
}


def raw(name: str) -> bytes:
    return (FOLDER / f"{name}.raw").read_bytes()


def text(name: str) -> str:
    with open(FOLDER / f"{name}.txt", encoding="utf-8", newline="") as file:
        return file.read()


def overwritten(line: str) -> str:
    """A line as a terminal shows it after its carriage returns."""
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()


def test_manifest_names_every_file() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {
        "manifest.toml",
        *(f"{name}.{kind}" for name in NAMES for kind in ("raw", "txt")),
    }


@pytest.mark.parametrize("name", NAMES)
def test_noise_is_cleaned_to_what_a_person_reads_whole_and_byte_by_byte(name: str) -> None:
    data = raw(name)
    assert TextCleaner().feed(data) == text(name)
    cleaner = TextCleaner()
    assert "".join(cleaner.feed(data[at : at + 1]) for at in range(len(data))) == text(name)


@pytest.mark.parametrize("name", [noise["name"] for noise in NOISE if noise["lines"]])
def test_cleaned_text_without_cursor_addressing_is_what_a_terminal_shows(name: str) -> None:
    screen = pyte.Screen(400, 200)
    pyte.ByteStream(screen).feed(raw(name))
    shown = [line.rstrip() for line in screen.display]
    expected = [overwritten(line) for line in text(name).split("\n")]
    assert shown[: len(expected)] == expected
    assert not any(shown[len(expected) :])


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_each_character_of_noise_are_found(name: str) -> None:
    transcript = Transcript()
    for at, byte in enumerate(raw(name)):
        transcript.feed(bytes([byte]), at * 0.0001)
    cleaned = transcript.text
    places = [i for i in range(0, len(cleaned), 7) if cleaned[i].isalnum() and cleaned[i].isascii()]
    for place in places:
        assert transcript.raw_between(place, place + 1).decode() == cleaned[place]


@pytest.mark.parametrize("name", NAMES)
def test_problems_in_noise_are_those_that_are_there(name: str) -> None:
    watch = ProblemWatch()
    found = watch.feed(TextCleaner().feed(raw(name))) + watch.finish()
    assert {problem.id for problem in found} == PROBLEMS.get(name, set())


def test_prompts_in_noise_match_though_kernel_lines_cut_them() -> None:
    lifter = KernelLifter()
    segments = lifter.feed(text("printk-in-prompt")) + lifter.finish()
    assert "".join(segment.text for segment in segments if isinstance(segment, Plain)) == (
        "Debian GNU/Linux 12 demo ttyS0\n\ndemo login: root\nPassword: \nroot@demo:~# "
    )
    matcher = Matcher()
    matcher.feed(text("printk-in-prompt"))
    for pattern in ("login: ", "Password: ", r"root@demo:~# $"):
        found = matcher.search([expression(pattern)]).find(paused=True)
        assert found is not None
        matcher.consume(found)
    assert matcher.unread == ""


@pytest.mark.parametrize("name", ["bash-vt220", "bash-wrapped-command", "osc-3008-prompt"])
def test_prompt_of_a_shell_in_noise_is_at_the_start_of_its_line(name: str) -> None:
    matcher = Matcher()
    matcher.feed(text(name))
    assert matcher.search([expression("^root@demo:~# ")]).find() is not None


TORN = "wélt 世界 \x1b[0;31m𝄞x\x1b]0;title\x07yz\x1b(B!\x1b[?2004h# ".encode()
KERNEL = [
    b"[    1.234567] x\r\n",
    b"<6>[    1.234567][  T123] x\n[    2.234567] \xe4\xb8\x96\n",
    b"[123456.234567] \x1b[31mx\x1b[0m\r\n",
]


@given(st.integers(0, len(TORN)), st.sampled_from(KERNEL), st.integers(1, 60))
def test_kernel_line_at_any_byte_leaves_the_text_whole(place: int, kernel: bytes, size: int) -> None:
    cleaner, matcher = TextCleaner(), Matcher()
    sent = TORN[:place] + kernel + TORN[place:]
    for at in range(0, len(sent), size):
        matcher.feed(cleaner.feed(sent[at : at + size]))
    assert matcher.plain_tail(999) == TextCleaner().feed(TORN)
