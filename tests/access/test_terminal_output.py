"""What of a guest's output reaches a person's terminal, and what is undone on it afterwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.access.output_filters import ClipboardFilter, QueryFilter
from uartsim.access.terminal_modes import Modes
from uartsim.access.terminal_reports import is_report
from uartsim.control_sequences import ControlSequenceParser

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
    *(b"\x1b[x", b"\x1b[?4m", b"\x1b[?2;1;0S", b"\x1b[1$w", b"\x1b[1;1;1;1;1;1*y", b"\x1b[&u", b"\x1b]10;?;?\x07"),
    *(b"\x1b]4;1;?;2;?\x07", b"\x1b]1337;ReportCellSize\x07", b"\x1b]21;foreground=?\x1b\\"),
    b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
)


def test_a_question_with_a_control_in_it_is_one_too() -> None:
    said = b"a\x1b]1\x7f0;\x00?\x07b"
    assert QueryFilter(len(said)).feed(said) == b"ab"


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


@given(st.binary(max_size=300), st.integers(1, 300))
def test_what_a_guest_sends_reaches_the_terminal_as_it_is(said: bytes, size: int) -> None:
    said = said.replace(b"5", b"")  # no clipboard
    parser, clipboard = ControlSequenceParser(), ClipboardFilter()
    pieces = [said[at : at + size] for at in range(0, len(said), size)]
    tokens = [token for piece in [*pieces, b"\x1b\\"] for token in clipboard.filter(parser.feed(piece))]
    assert b"".join(token.data for token in tokens) == said + b"\x1b\\"


@given(st.binary(max_size=300), st.integers(0, 300))
def test_text_without_controls_is_shown_as_it_is(said: bytes, size: int) -> None:
    said = said.translate(None, b"\x1b\x05" + bytes(range(0x80, 0xA0)))
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
        (b"\x1b[\x0em", b"\x0f\x1b(B\x1b)B\x1b*B\x1b+B"),
        (b"\x1b[5;10r", b"\x1b7\x1b[r\x1b8"),
        (b"\x1b[5;10r\x1b[r", b""),
        (b"\x1b[?6h", b"\x1b7\x1b8\x1b[?6l"),
        (b"\x1b[?69h\x1b[3;40s", b"\x1b7\x1b[?69h\x1b[s\x1b[?69l\x1b8"),
        (b"\x1b[>1u\x1b[>3u\x1b[<u", b"\x1b[<1u"),
        (b"\x1b[=5;1u", b"\x1b[=0u"),
        (b"\x1b[>4;2m", b"\x1b[>4m"),
        (b"\x1b[5 q", b"\x1b[0 q"),
        (b"\x1b[?1004;1016h", b"\x1b[?1016l\x1b[?1004l"),
        (b"\x1b[?67;9001h", b"\x1b[?9001l\x1b[?67l"),
        (b"\x1b[?2l", b"\x1b<"),
        (b"\x1b]13;#ff0000\x07", b"\x1b]113\x07"),
        (b"\x1b]11;#ff0000\x07\x1b]8;;http://x\x1b\\", b"\x1b]111\x07\x1b]8;;\x07"),
        (b"\x1b]0;a title without an end", b"\x18"),
        (b"\x1b[?25", b""),  # the terminal does not get it before it is whole
        (b"\x1b[\n?25l", b"\x1b[?25h"),
        (b"\x1b]11;#ff\x18", b"\x1b]111\x07"),
        (b"\xc2\x9b?25l\x9b?7l", b"\x1b[?7h\x1b[?25h"),
        (b"\xe2\x9b?25l", b""),
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
    parser, modes = ControlSequenceParser(), Modes()
    for at in range(0, len(said), size):
        modes.follow(parser.feed(said[at : at + size]))
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
        (b"a\x1b\x00]5\x002;c;eA==\x07b", b"ab"),
        (b"a\x1b]" + b"0" * 100 + b"52;c;eA==\x07b", b"ab"),
        (b"a\x1b]2;title\xc2\x9d52;c;eA==\x07b", b"a\x1b]2;titleb"),
        (b"a\x1b]\x7f52;c;eA==\x07b", b"ab"),
        (b"a\x1b]5\x7f\x002\x7f;c;eA==\x07b", b"ab"),
        (b"a\x1b]1337;Copy=:eA==\x07b", b"ab"),
        (b"a\x1b]1337;CopyToClipboard=general\x07b\x1b]1337;EndCopy\x07c", b"abc"),
        (b"a\x1b]01337;\x7fC\x00opy=:eA==\x07b", b"a\x00opy=:eA==\x07b"),
        (b"a\x1b]50;Copy=:eA==\x1b\\b", b"ab"),
        (b"a\x1b]1337;SetMark\x07b\x1b]50;fixed\x07", b"a\x1b]1337;SetMark\x07b\x1b]50;fixed\x07"),
        (b"a\x1b]52\x07b\x1b]5\x1b\\c", b"a\x1b]52\x07b\x1b]5\x1b\\c"),
        (b"\x1b]0;title\x07\x1b]520;x\x07\xc3\xa9\xc2\xb5", b"\x1b]0;title\x07\x1b]520;x\x07\xc3\xa9\xc2\xb5"),
    ],
)
def test_a_guest_does_not_reach_the_clipboard(said: bytes, shown: bytes, size: int) -> None:
    parser, clipboard = ControlSequenceParser(), ClipboardFilter()
    tokens = [
        token for at in range(0, len(said), size) for token in clipboard.filter(parser.feed(said[at : at + size]))
    ]
    assert b"".join(token.data for token in tokens) == shown


@pytest.mark.parametrize(
    ("typed", "report"),
    [
        (b"\x1b[12;40R", True),
        (b"\x1b[?62;22c\x1b[0n", True),
        (b"\x1b]11;rgb:0000/0000/0000\x1b\\", True),
        (b"\x1bP1+r544e\x1b\\\x1b[?2026;2$y", True),
        (b"", False),
        (b"R", False),
        (b"\x1b[A", False),
        (b"\x1b[12;40Rx", False),
        (b"\x1b[12;40", False),
        (b"\x1b]11;rgb:0", False),
        (b"\x1b]11;rgb:0\x18", False),
        (b"\x1b^x\x1b\\", False),
    ],
)
def test_what_a_terminal_answers_by_itself_is_told_from_what_is_typed(typed: bytes, report: bool) -> None:
    assert is_report(typed) is report
