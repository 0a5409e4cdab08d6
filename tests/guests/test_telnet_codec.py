"""Telnet as a serial console's client speaks it, and COM-PORT-OPTION."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.guest.com_port_option import COM_PORT
from uartsim.guest.telnet_codec import (
    BINARY,
    BREAK,
    DO,
    DONT,
    ECHO,
    IAC,
    SB,
    SE,
    WILL,
    WONT,
    EndlessNegotiation,
    TelnetCodec,
)
from uartsim.line_format import LineFormat
from uartsim.machine import Flag, Received
from uartsim.registers import MSR, ModemOutput

#: What QEMU's telnet=on says at the start.
QEMUS_WORDS = bytes((IAC, WILL, ECHO, IAC, WILL, 3, IAC, WILL, BINARY, IAC, DO, BINARY))


def codec(*words: int, line_format: LineFormat | None = None) -> TelnetCodec:
    """A codec whose server has said something; its first requests are taken away."""
    made = TelnetCodec(line_format or LineFormat())
    made.replies.clear()
    made.feed(bytes(words))
    return made


def taken(made: TelnetCodec) -> bytes:
    replies = bytes(made.replies)
    made.replies.clear()
    return replies


def text(found: list[Received]) -> bytes:
    assert all(received.flag is Flag.NORMAL for received in found)
    return b"".join(received.data for received in found)


def notify(command: int, *value: int) -> bytes:
    return bytes((IAC, SB, COM_PORT, command)) + bytes(value).replace(b"\xff", b"\xff\xff") + bytes((IAC, SE))


def test_binary_and_com_port_are_asked_for_at_once() -> None:
    requests = TelnetCodec(LineFormat()).replies
    for words in ((WILL, COM_PORT), (WILL, BINARY), (DO, BINARY)):
        assert bytes((IAC, *words)) in requests


def test_qemus_offers_are_taken_and_answered_once() -> None:
    made = codec()
    assert not made.is_settled
    assert made.feed(QEMUS_WORDS) == []
    assert made.is_settled
    assert taken(made) == bytes((IAC, DO, ECHO, IAC, DO, 3))  # BINARY was asked for: these words are the answers
    made.feed(QEMUS_WORDS)
    assert taken(made) == b""


@pytest.mark.parametrize(("verb", "refusal"), [(WILL, DONT), (DO, WONT)])
def test_an_unknown_option_is_refused_once(verb: int, refusal: int) -> None:
    made = codec(IAC, verb, 24)
    assert taken(made) == bytes((IAC, refusal, 24))
    made.feed(bytes((IAC, verb, 24)) * 100)
    assert taken(made) == b""


def test_a_server_that_refuses_binary_gets_no_answer() -> None:
    made = codec(IAC, WONT, BINARY, IAC, DONT, BINARY, IAC, DONT, COM_PORT)
    assert taken(made) == b""
    assert made.is_settled


def test_a_negotiation_without_end_is_ended() -> None:
    made = codec()
    with pytest.raises(EndlessNegotiation):
        made.feed(bytes((IAC, WILL, ECHO, IAC, WONT, ECHO)) * 2000)


@given(st.binary(max_size=200), st.booleans(), st.lists(st.integers(0, 400), max_size=4))
def test_every_byte_comes_through_in_whatever_pieces(data: bytes, binary: bool, cuts: list[int]) -> None:
    sender, receiver = codec(*(QEMUS_WORDS if binary else b"")), codec(*(QEMUS_WORDS if binary else b""))
    encoded = sender.encode(data)
    places = sorted({0, *(cut for cut in cuts if cut < len(encoded)), len(encoded)})
    found = [part for start, end in itertools.pairwise(places) for part in receiver.feed(encoded[start:end])]
    assert text(found) == data
    assert not receiver.in_command


@given(st.binary(max_size=60), st.integers(0, 130), st.booleans())
def test_a_cut_in_what_was_sent_is_known_to_the_character(data: bytes, size: int, binary: bool) -> None:
    made = codec(*(QEMUS_WORDS if binary else b""))
    encoded = made.encode(data)
    size = min(size, len(encoded))
    count, rest = made.taken(data, size)
    assert encoded[:size] + rest == made.encode(data[:count])
    assert len(rest) <= 1


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_from_a_server_are_survived(pieces: list[bytes]) -> None:
    made = codec()
    for piece in pieces:
        for received in made.feed(piece):
            assert received.data or received.flag is not Flag.NORMAL


def test_a_return_that_is_not_binary_has_a_nul_behind_it_which_is_not_a_character() -> None:
    made = codec()
    assert made.encode(b"a\rb") == b"a\r\0b"
    assert text(made.feed(b"a\r")) + text(made.feed(b"\0b\r\n\0")) == b"a\rb\r\n\0"
    binary = codec(*QEMUS_WORDS)
    assert binary.encode(b"a\rb") == b"a\rb"
    assert text(binary.feed(b"a\r\0b")) == b"a\r\0b"


def test_a_break_stands_at_its_place() -> None:
    assert codec().feed(bytes((97, IAC, BREAK, 98))) == [
        Received(b"a", Flag.NORMAL),
        Received(b"\0", Flag.BREAK),
        Received(b"b", Flag.NORMAL),
    ]


def test_other_commands_are_skipped() -> None:
    nop, go_ahead = 241, 249
    assert text(codec().feed(bytes((97, IAC, nop, 98, IAC, go_ahead, 99)))) == b"abc"


def test_an_undoubled_0xff_of_qemu_is_a_character_where_it_can_be_told() -> None:
    assert text(codec(*QEMUS_WORDS).feed(b"A\xffB\xff\xffC\xff\rD")) == b"A\xffB\xffC\xff\rD"


@pytest.mark.parametrize("half", [(IAC,), (IAC, WILL), (IAC, SB), (IAC, SB, COM_PORT, 107, IAC)])
def test_half_a_command_at_the_end_is_noticed(half: tuple[int, ...]) -> None:
    made = codec()
    assert text(made.feed(bytes((97, *half)))) == b"a"
    assert made.in_command


def test_a_subnegotiation_that_is_too_long_is_ignored() -> None:
    made = codec(IAC, DO, COM_PORT)
    assert made.feed(bytes((IAC, SB, COM_PORT)) + bytes(100_000) + bytes((IAC, SE, 97))) == [
        Received(b"a", Flag.NORMAL)
    ]


def test_a_subnegotiation_without_an_end_gives_way_to_the_command_in_it() -> None:
    assert codec(IAC, SB, 24, 1).feed(bytes((IAC, BREAK))) == [Received(b"\0", Flag.BREAK)]


# -- COM-PORT-OPTION ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [(IAC, DO, COM_PORT), (IAC, WILL, COM_PORT)])
def test_a_server_that_has_it_is_told_the_format(words: tuple[int, ...]) -> None:
    made = codec(*words, line_format=LineFormat.from_baud(9600, "7E2"))
    replies = taken(made)
    for command, value in ((1, (0, 0, 0x25, 0x80)), (2, (7,)), (3, (3,)), (4, (2,)), (5, (8,)), (5, (11,))):
        assert notify(command, *value) in replies


def test_0xff_in_a_speed_is_doubled() -> None:
    made = codec(IAC, DO, COM_PORT, line_format=LineFormat.from_baud(0xFF))
    assert bytes((IAC, SB, COM_PORT, 1, 0, 0, 0, IAC, IAC, IAC, SE)) in taken(made)


def test_modem_lines_flow_control_and_speed_are_heard() -> None:
    made = codec(IAC, DO, COM_PORT)
    com_port = made.com_port
    assert com_port is not None
    assert (com_port.inputs, com_port.suspended, com_port.baud) == (None, False, None)
    assert made.feed(notify(107, 0xBB) + notify(108) + notify(101, 0, 0, 0x25, 0x80)) == []
    assert (com_port.inputs, com_port.suspended, com_port.baud) == (MSR.DCD | MSR.DSR | MSR.CTS, True, 9600)
    made.feed(notify(109) + notify(107, 0xFF))
    assert (com_port.inputs, com_port.suspended) == (MSR.DCD | MSR.RI | MSR.DSR | MSR.CTS, False)


def test_breaks_and_errors_are_heard_at_their_place() -> None:
    made = codec(IAC, DO, COM_PORT)
    assert made.feed(b"a" + notify(106, 0x10) + b"b" + notify(106, 0x06) + notify(106, 0x08)) == [
        Received(b"a", Flag.NORMAL),
        Received(b"\0", Flag.BREAK),
        Received(b"b", Flag.NORMAL),
        Received(b"", Flag.OVERRUN),
        Received(b"", Flag.PARITY),
        Received(b"", Flag.FRAMING),
    ]


@pytest.mark.parametrize("content", [(), (101, 1), (101, 1, 2, 3, 4, 5), (106,), (107,), (200, 1)])
def test_what_is_no_notification_is_ignored(content: tuple[int, ...]) -> None:
    made = codec(IAC, DO, COM_PORT)
    assert made.feed(bytes((IAC, SB, COM_PORT, *content, IAC, SE))) == []


def test_dtr_rts_and_a_break_can_be_driven() -> None:
    made = codec(IAC, DO, COM_PORT)
    assert made.com_port is not None
    made.replies.clear()
    made.com_port.drive(ModemOutput.RTS)
    made.com_port.hold_break(True)
    made.com_port.hold_break(False)
    assert taken(made) == b"".join(notify(5, value) for value in (9, 11, 5, 6))


def test_a_notification_without_the_option_is_ignored() -> None:
    made = codec()
    assert made.feed(notify(106, 0x10)) == []
    assert made.com_port is None
