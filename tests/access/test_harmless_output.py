"""What of a record passes to a person's terminal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.access.harmless_output import ANSI_DRAWING_MODES, DRAWING_MODES, HarmlessFilter
from uartsim.access.terminal_modes import Modes
from uartsim.console.text.screen import ScreenModel
from uartsim.control_sequences import ControlSequenceParser


def shown(data: bytes, size: int | None = None) -> bytes:
    """What passes of ``data``, which comes in pieces of ``size`` bytes."""
    filtered, size = HarmlessFilter(), size or len(data)
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    return b"".join(token.data for piece in pieces for token in filtered.feed(piece))


#: What real programs have sent: GRUB, systemd, vim, less, tmux and others.
LOGS = sorted((Path(__file__).parents[2] / "fixtures" / "noise").glob("*.raw"))
#: Answered by some terminal: xterm, VT420 and VT520, kitty, iTerm2, mintty.
ANSWERED = [
    b"\x05", b"\x1bZ", b"\x1b[c", b"\x1b[>c", b"\x1b[=c", b"\x1b[5n", b"\x1b[6n", b"\x1b[?6n", b"\x1b[x", b"\x1b[1x",
    b"\x1b[?4m", b"\x1b[?2;1;0S", b"\x1b[1$w", b"\x1b[2$w", b"\x1b[1;1;1;1;1;1*y", b"\x1b[&u", b"\x1b[1$u", b"\x1b[>q",
    b"\x1b[?u", b"\x1b[18t", b"\x1b[21t", b"\x1b[?25$p", b"\x1b[4$p", b"\x1b[#R", b"\x1b[1#|", b"\x1b['|",
    b"\x1b]10;?;?\x07", b"\x1b]4;1;?;2;?\x07", b"\x1b]4;1;?\x1b\\", b"\x1b]1337;ReportCellSize\x07", b"\x1b]52;c;?\x07",
    b"\x1b]21;foreground=?\x1b\\", b"\x1bP$qm\x1b\\", b"\x1bP+q544e\x1b\\", b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
    b"\x1b[\x056n", b"\xc2\x9b6n", b"\xc2\x9d10;?\x07",
]  # fmt: skip
#: Prints, moves the window, changes the clipboard, the keys, the mouse or the terminal's kind, or cannot be undone.
HARMFUL = [
    b"\x1b[5i", b"\x1b[?5i", b"\x1b[3;0;0t", b"\x1b[8;1;1t", b"\x1b]52;c;aGk=\x07", b"\x1b]13;#fff\x07", b"\x1b]8;;x:y\x07",
    b"\x1b[?2l", b"\x1b[?9001h", b"\x1b[?67h", b"\x1b[?1007h", b"\x1b[?1000h", b"\x1b[?1h", b"\x1b[?2004h", b"\x1b[?3h",
    b"\x1b[2h", b"\x1b[12l", b"\x1b[?1000r", b"\x1b[>4;1m", b"\x1b[>1u", b"\x1b[=1u", b"\x1b[1;1;1;1;1T", b"\x1b[4;1y",
    b"\x1b=", b"\x1b>", b"\x1bH", b"\x1b[3g", b"\x1b%@", b"\x1b G", b"\x1bl", b"\x1b[9;0]", b"\x1b^pm\x1b\\",
    b"\x1b]0;a\x05b\x1b", b"\x1b]0;" + b"a" * 600 + b"\x07", b"\x1b]777;notify;a;b\x07", b"\x1bXsos\x1b\\",
]  # fmt: skip
DRAWS = [
    b"a\r\n\t\x08\x07\x0e\x0f", "\u2500\u65e5".encode(), b"\x1b[1;38:2::1:2:3m", b"\x1b[m", b"\x1b[2;3H", b"\x1b[J",
    b"\x1b[?1049h", b"\x1b[?25l", b"\x1b[4h", b"\x1b[2;5r", b"\x1b[5 q", b"\x1b[2T", b"\x1b[3S", b"\x1b[s", b"\x1b[u",
    b"\x1b7", b"\x1b8", b"\x1bM", b"\x1b(0", b"\x1b#8", b"\x1b[!p", b"\x1b]0;root@box: ~?\x07", b"\x1b]2;t\x1b\\",
    b"\x1b[22;0t", b"\x1b[b", b"\x1b[?2026h", b"\xc2\x9b1m",
]  # fmt: skip


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("sequence", [*ANSWERED, *HARMFUL])
def test_what_a_terminal_answers_or_obeys_beyond_drawing_is_left_out(sequence: bytes, size: int | None) -> None:
    left = shown(b"a" + sequence + b"\x1b[1mb", size)
    assert left.startswith(b"a")
    assert left.endswith(b"\x1b[1mb")
    assert b"\x1b" not in left[1:-5]
    assert b"\x05" not in left


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("sequence", DRAWS)
def test_what_draws_passes(sequence: bytes, size: int | None) -> None:
    assert shown(sequence, size) == sequence


@pytest.mark.parametrize("log", LOGS, ids=lambda log: str(log.stem))
def test_a_console_draws_the_same_screen_through_the_filter(log: Path) -> None:
    data = log.read_bytes()
    whole, filtered = ScreenModel(), ScreenModel()
    whole.draw(data)
    filtered.draw(shown(data, 1000))
    assert filtered.styled(cursor=True) == whole.styled(cursor=True)


def test_controls_in_the_middle_of_a_sequence_are_left_out() -> None:
    assert shown(b"\x1b[\x051\x0em\x1b\x05]0;t\x07\x1b\x05M") == b"\x1b[1\x0em\x1b]0;t\x07\x1bM"


def test_of_several_modes_those_pass_that_draw() -> None:
    assert shown(b"\x1b[?1000;25;2004;1049h\x1b[4;12l\x1b[?;h") == b"\x1b[?25;1049h\x1b[4l"


def test_every_mode_that_passes_is_undone() -> None:
    for lead, known in ((b"?", DRAWING_MODES - {1048}), (b"", ANSI_DRAWING_MODES)):
        for mode in known:
            modes = Modes()
            for final in b"hl":
                modes.follow(ControlSequenceParser().feed(b"\x1b[%b%d%c" % (lead, mode, final)))
                if modes.undo():
                    break
            assert b"\x1b[%b%d" % (lead, mode) in modes.undo()


def test_an_osc_without_an_end_does_not_swallow_the_record() -> None:
    assert shown(b"a\x1b]52;c;noise\r\nb\x1b[1mc") == b"a\r\nb\x1b[1mc"


def test_a_byte_that_an_8_bit_terminal_obeys_is_shown_as_wrong() -> None:
    assert shown(b"a\x9b6n\x90b") == "a\ufffd6n\ufffdb".encode()


@given(st.binary(max_size=60), st.integers(1, 5))
def test_pieces_do_not_matter_and_what_passes_passes_again(data: bytes, size: int) -> None:
    whole = shown(data) if data else b""
    assert whole == (shown(data, size) if data else b"")
    assert shown(whole + b"~") == whole + b"~"
    assert not set(whole) & {*range(7), *range(0x10, 0x1B), *range(0x1C, 0x20), 0x7F}
    assert whole.count(b"\x1b") <= data.count(b"\x1b")
