"""A person's keys and screen, without a terminal: what is ours, what is the guest's, and what is undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.access.keys import ESCAPE, MENU, PASTE_BYTES, Keys
from uartsim.access.terminal_modes import Clipboard, Modes
from uartsim.access.terminal_output import QueryFilter


def press(*reads: bytes, gap_s: float = 1.0) -> list[tuple[str, bytes]]:
    """What is done for keys that come in these reads, with so much time between them."""
    keys = Keys()
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
        (b"x", "unknown"),
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
    assert done == [("menu", b""), ("prompt", b""), ("clear", b""), ("send", b"x")]


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
    }
    assert {what for what, _ in press(*reads)} <= known


# -- the screen ----------------------------------------------------------------------------------------------

QUERIES = (
    *(
        b"\x1b[6n",
        b"\x1b[5n",
        b"\x1b[?6n",
        b"\x1b[c",
        b"\x1b[0c",
        b"\x1b[>c",
        b"\x1b[=c",
        b"\x1b[>0q",
        b"\x1bZ",
        b"\x05",
    ),
    *(b"\x1b[?2026$p", b"\x1b[18t", b"\x1b[?u", b"\x1b]11;?\x07", b"\x1b]4;1;?\x1b\\", b"\x1bP+q544e\x1b\\"),
)


@given(st.data())
def test_questions_of_the_past_are_not_asked_again(data: st.DataObject) -> None:
    texts = data.draw(
        st.lists(st.sampled_from([b"login: ", b"\x1b[1;31mred\x1b[m", b"\x1b[2J", "ä".encode()]), min_size=1)
    )
    said = b"".join(data.draw(st.sampled_from((*QUERIES, b""))) + text for text in texts)
    past, shown, now = QueryFilter(len(said)), b"", b"\x1b[6nnow\x1b[c"
    stream = said + now
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        shown += past.feed(stream[:size])
        stream = stream[size:]
    assert shown == b"".join(texts) + now


@given(st.binary(max_size=300), st.integers(0, 300))
def test_text_without_escapes_is_shown_as_it_is(said: bytes, size: int) -> None:
    said = said.replace(b"\x1b", b"").replace(b"\x05", b"")
    past = QueryFilter(min(size, len(said)))
    assert past.feed(said[:100]) + past.feed(said[100:]) == said


@pytest.mark.parametrize(
    ("said", "undone"),
    [
        (b"plain text \xc3\xa9\r\n", b""),
        (b"\x1b[31mred", b"\x1b[0m"),
        (b"\x1b[31mred\x1b[0;0m\x1b[m", b""),
        (b"\x1b[7m\x1b[0;7m", b"\x1b[0m"),
        (b"\x1b[4h\x1b[20h\x1b[12l", b"\x1b[12h\x1b[20l\x1b[4l"),
        (b"\x1b[?5h", b"\x1b[?5l"),
        (b"\x1b(0\x0e", b"\x0f\x1b(B\x1b)B\x1b*B\x1b+B"),
        (b"\x0e", b"\x0f\x1b(B\x1b)B\x1b*B\x1b+B"),
        (b"\x1b[5;10r", b"\x1b7\x1b[r\x1b8"),
        (b"\x1b[5;10r\x1b[r", b""),
        (b"\x1b[?6h", b"\x1b7\x1b8\x1b[?6l"),
        (b"\x1b[?69h\x1b[3;40s", b"\x1b7\x1b[?69h\x1b[s\x1b[?69l\x1b8"),
        (b"\x1b[>1u\x1b[>3u\x1b[<u", b"\x1b[<1u"),
        (b"\x1b[=5;1u", b"\x1b[=0u"),
        (b"\x1b[>4;2m", b"\x1b[>4m"),
        (b"\x1b[5 q", b"\x1b[0 q"),
        (b"\x1b[?1004;1016h", b"\x1b[?1016l\x1b[?1004l"),
        (b"\x1b]11;#ff0000\x07\x1b]8;;http://x\x1b\\", b"\x1b]111\x07\x1b]8;;\x07"),
        (b"\x1b]0;a title without an end", b"\x18"),
        (b"\x1b[?25", b"\x18"),
        (b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"),
        (b"\x1b[?1049h\x1b[?25l\x1b[?25h\x1b[?1049l", b""),
        (b"\x1b[?1000;1006h\x1b[?2004h", b"\x1b[?2004l\x1b[?1006l\x1b[?1000l"),
        (b"\x1b[?1h\x1b=", b"\x1b[?1l\x1b>"),
        (b"\x1b[?1h\x1b=\x1bc", b""),
        (b"\x1b[?7l\x1b[?99999999999999999999h\x1b[?;h", b"\x1b[?7h"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_modes_that_the_guest_has_left_switched_are_undone(said: bytes, undone: bytes, size: int) -> None:
    modes = Modes()
    for at in range(0, len(said), size):
        modes.feed(said[at : at + size])
    assert modes.undo() == undone


@pytest.mark.parametrize("size", [1, 2, 5, 100])
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"a\x1b]52;c;eA==\x07b", b"ab"),
        (b"a\x1b]52;c;?\x1b\\b", b"ab"),
        (b"a\xc2\x9d52;c;eA==\xc2\x9cb", b"ab"),
        (b"a\x1b]5522;type=write\x1b\\b", b"ab"),
        (b"a\x1b]52;c;cut short\r\nb\x1b[m", b"a\r\nb\x1b[m"),
        (b"a\x1b]52;c;cut short\x1b[31mb", b"a\x1b[31mb"),
        (b"\x1b]0;title\x07\x1b]520;x\x07\xc3\xa9\xc2\xb5", b"\x1b]0;title\x07\x1b]520;x\x07\xc3\xa9\xc2\xb5"),
    ],
)
def test_a_guest_does_not_reach_the_clipboard(said: bytes, shown: bytes, size: int) -> None:
    clipboard = Clipboard()
    assert b"".join(clipboard.feed(said[at : at + size]) for at in range(0, len(said), size)) == shown
