"""A person's keys and screen, without a terminal: what is ours, what is the guest's, and what is undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.access.keys import ESCAPE, MENU, PASTE_BYTES, QUESTIONS, AttachMenu, Keys


def press(*reads: bytes, gap_s: float = 1.0) -> list[tuple[str, bytes]]:
    """What is done for keys that come in these reads, with so much time between them."""
    keys = Keys(AttachMenu())
    return [done for number, read in enumerate(reads) for done in keys.feed(read, number * gap_s)]


@pytest.mark.parametrize(
    ("key", "what"),
    [
        (b"b", "break"),
        (b"n", "nmi"),
        (b"r", "reset"),
        (b"d", "diagnosis"),
        (b"z", "size"),
        (b"w", "watch"),
        (b"f", "take"),
        (b"q", "quit"),
        (b"?", "help"),
        (b"h", "help"),
        (b"Q", "quit"),
        (b"t", "times"),
        (b"x", "hex"),
        (b"y", "unknown"),
        ("ä".encode(), "unknown"),
        (b"\x1b[A", "unknown"),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_the_key_after_ctrl_bracket_says_what_to_do(key: bytes, what: str, together: bool) -> None:
    reads = [b"a" + ESCAPE + key + b"c"] if together else [b"a", ESCAPE, key, b"c"]
    assert press(*reads) == [("send", b"a"), ("menu", b""), ("clear", b""), (what, key), ("send", b"c")]


def test_ctrl_bracket_twice_sends_it() -> None:
    assert press(ESCAPE + ESCAPE) == [("menu", b""), ("clear", b""), ("send", ESCAPE)]


@pytest.mark.parametrize("key", [b"\x1b", b"\r", b" ", b"\x03"])
def test_the_menu_can_be_left_without_doing_anything(key: bytes) -> None:
    assert press(ESCAPE, key, b"x") == [("menu", b""), ("clear", b""), ("send", b"x")]


def test_sysrq_keys_are_gathered_until_enter() -> None:
    done = press(ESCAPE + b"s", b"rex", b"\x7f", b"-", b"\x1b[D", b"isub\r", b"ls\r")
    assert [what for what in done if what[0] not in ("echo", "menu", "prompt", "clear")] == [
        ("sysrq", b"reisub"),
        ("send", b"ls\r"),
    ]


@pytest.mark.parametrize("leave", [b"\x1b", b"\x03", ESCAPE, b"\r"])
def test_sysrq_can_be_left_without_a_key(leave: bytes) -> None:
    done = press(ESCAPE + b"s" + leave, b"x")
    assert done == [("menu", b""), ("prompt", QUESTIONS["sysrq"]), ("clear", b""), ("send", b"x")]


def test_a_record_has_a_file_or_the_usual_one() -> None:
    done = press(ESCAPE + b"l", b"~/a b/\xc3\xbc.cast", b"x\x7f", b"\x1b[D", b"\r")
    assert [what for what in done if what[0] == "record"] == [("record", b"~/a b/\xc3\xbc.cast")]
    assert ("prompt", QUESTIONS["record"]) in done
    assert ("record", b"") in press(ESCAPE + b"l\r")
    assert "record" not in dict(press(ESCAPE + b"lname", b"\x03"))
    assert ("record", b"/" + LONG) in press(ESCAPE + b"l", b"/" + LONG, b"\r")  # pasted


def test_the_key_that_begins_a_record_ends_it() -> None:
    menu = AttachMenu()
    menu.recording = True
    menu.open()
    assert list(menu.press(b"l")) == [("clear", b""), ("end record", b"")]
    assert not menu.is_open


def test_the_menu_fits_on_a_line() -> None:
    assert len(MENU) < 80


# -- pastes --------------------------------------------------------------------------------------------------

LONG = b"x" * PASTE_BYTES


def test_a_pasted_ctrl_bracket_goes_to_the_guest() -> None:
    paste = LONG + ESCAPE + b"r" + LONG
    assert press(paste) == [("send", paste), ("pasted", b"")]


def test_what_follows_a_paste_at_once_belongs_to_it_and_what_follows_later_does_not() -> None:
    assert press(LONG + b"x", ESCAPE + b"q", gap_s=0.01)[1:] == [("send", ESCAPE + b"q"), ("pasted", b"")]
    assert press(LONG + b"x", ESCAPE + b"q", gap_s=0.2)[1:] == [("menu", b""), ("clear", b""), ("quit", b"q")]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_short_paste_is_known_by_its_brackets_however_they_are_cut(size: int) -> None:
    typed = b"\x1b[200~a" + ESCAPE + b"q\x1b[201~" + ESCAPE + b"d"
    done = press(*(typed[at : at + size] for at in range(0, len(typed), size)), gap_s=0.2)
    sent = b"".join(data for what, data in done if what == "send")
    assert sent == b"\x1b[200~a" + ESCAPE + b"q\x1b[201~"
    assert [what for what, _ in done if what != "send"] == ["pasted", "menu", "clear", "diagnosis"]


def test_a_paste_whose_end_never_comes_does_not_lock_the_person_in() -> None:
    assert press(b"\x1b[200~lost", ESCAPE + b"q", gap_s=5)[1:] == [("menu", b""), ("clear", b""), ("quit", b"q")]


def test_a_paste_into_the_open_menu_presses_none_of_its_keys() -> None:
    paste = b"rm -rf everything that there is and more" + LONG
    for opened in (ESCAPE, ESCAPE + b"s"):
        assert press(opened, paste)[-2:] == [("clear", b""), ("send", paste)]


@given(st.lists(st.binary(max_size=80).map(lambda data: data.replace(ESCAPE, b"")), max_size=8))
def test_everything_but_ctrl_bracket_reaches_the_guest_as_it_is(reads: list[bytes]) -> None:
    done = press(*reads)
    assert {what for what, _ in done} <= {"send"}
    assert b"".join(data for _, data in done) == b"".join(reads)


@given(st.binary(max_size=200), st.lists(st.integers(1, 60), min_size=1))
def test_any_keys_do_something_known(typed: bytes, sizes: list[int]) -> None:
    reads = []
    for size in sizes * (len(typed) // sum(sizes) + 1):
        reads.append(typed[:size])
        typed = typed[size:]
    known = {
        *("send", "menu", "clear", "prompt", "echo", "sysrq", "pasted", "unknown"),
        *("break", "nmi", "reset", "diagnosis", "size", "watch", "take", "quit"),
        *("times", "hex", "record"),
    }
    assert {what for what, _ in press(*reads)} <= known
