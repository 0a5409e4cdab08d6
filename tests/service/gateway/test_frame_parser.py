"""The parser of a client's frames: any cut, any fragmentation, and everything that is against the protocol."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.service.gateway.frame_parser import (
    Close,
    Event,
    FrameParser,
    Opcode,
    Piece,
    Ping,
    Pong,
    Violation,
    frame,
)


def masked(opcode: int, payload: bytes, *, final: bool = True, mask: bytes = b"\x12\x34\x56\x78") -> bytes:
    """A client's frame, made byte by byte."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65536:
        length = bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        length = bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return bytes([0x80 * final | opcode]) + length + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload))


MESSAGES = st.lists(
    st.one_of(
        st.tuples(st.just(True), st.text(max_size=200).map(str.encode)),
        st.tuples(st.just(False), st.binary(max_size=300)),
        st.tuples(st.just(False), st.sampled_from((126, 127, 65535, 65536, 70_000)).map(bytes)),
    ),
    max_size=5,
)


@given(
    messages=MESSAGES,
    fragment=st.integers(1, 90_000),
    ping_between=st.booleans(),
    cuts=st.lists(st.integers(1, 20_000), min_size=1, max_size=6),
    mask=st.binary(min_size=4, max_size=4),
)
def test_messages_come_out_whole_however_they_were_fragmented_and_cut(
    messages: list[tuple[bool, bytes]], fragment: int, ping_between: bool, cuts: list[int], mask: bytes
) -> None:
    stream = bytearray()
    fragment = max(fragment, max((len(data) for _, data in messages), default=0) // 20 + 1)
    for is_text, data in messages:
        parts = [data[at : at + fragment] for at in range(0, len(data), fragment)] or [b""]
        for number, part in enumerate(parts):
            opcode = Opcode.CONTINUATION if number else Opcode.TEXT if is_text else Opcode.BINARY
            stream += masked(opcode, part, final=number == len(parts) - 1, mask=mask)
            if ping_between:
                stream += masked(Opcode.PING, b"p")
    parser, at, turn = FrameParser(), 0, 0
    found: list[tuple[bool, bytes]] = []
    so_far, pings = b"", 0
    while at < len(stream):
        for event in parser.feed(bytes(stream[at : at + cuts[turn % len(cuts)]])):
            if isinstance(event, Ping):
                pings += 1
                continue
            assert isinstance(event, Piece), event
            so_far += event.data
            if event.is_last:
                found.append((event.is_text, so_far))
                so_far = b""
        at += cuts[turn % len(cuts)]
        turn += 1
    assert found == messages
    assert so_far == b""
    assert (pings > 0) == (ping_between and bool(messages))


@given(data=st.binary(max_size=400), cut=st.integers(1, 40))
def test_garbage_never_raises_and_after_a_violation_nothing_comes(data: bytes, cut: int) -> None:
    parser, events = FrameParser(), list[Event]()
    for at in range(0, len(data), cut):
        events += parser.feed(data[at : at + cut])
    ends = [number for number, event in enumerate(events) if isinstance(event, Violation | Close)]
    assert ends in ([], [len(events) - 1])


@pytest.mark.parametrize(
    ("stream", "code"),
    [
        (b"\x81\x01a", 1002),  # not masked
        (masked(0x3, b""), 1002),  # an opcode of nobody
        (bytes([0xC1]) + masked(0x1, b"")[1:], 1002),  # a reserved bit
        (masked(0x0, b"a"), 1002),  # nothing to continue
        (masked(0x1, b"a", final=False) + masked(0x1, b"b"), 1002),  # a message in a message
        (masked(0x9, b"", final=False), 1002),  # a ping in fragments
        (masked(0x9, b"x" * 126), 1002),  # a ping that is too long
        (b"\x82\xff" + b"\xff" * 8 + b"mask", 1002),  # a length above 2**63
        (masked(0x1, b"\xff"), 1007),  # no UTF-8
        (masked(0x1, b"\xc3"), 1007),  # half a character
        (masked(0x1, b"\xc3", final=False) + masked(0x0, b"a"), 1007),
        (masked(0x8, b"\x03"), 1002),  # half a code
        (masked(0x8, (1005).to_bytes(2, "big")), 1002),  # a code that is never sent
        (masked(0x8, (999).to_bytes(2, "big")), 1002),
        (masked(0x8, (1000).to_bytes(2, "big") + b"\xff"), 1007),
    ],
)
def test_what_is_against_the_protocol_says_so(stream: bytes, code: int) -> None:
    events = FrameParser().feed(stream)
    assert isinstance(events[-1], Violation)
    assert events[-1].code == code
    assert events[-1].reason


def test_close_ping_and_pong_carry_their_content() -> None:
    stream = masked(0x9, b"ping") + masked(0xA, b"pong") + masked(0x8, (3001).to_bytes(2, "big") + b"bye") + b"rest"
    parser = FrameParser()
    assert parser.feed(stream) == [Ping(b"ping"), Pong(b"pong"), Close(3001, "bye")]
    assert parser.feed(masked(0x1, b"more")) == []
    assert FrameParser().feed(masked(0x8, b"")) == [Close(1005, "")]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536])
def test_a_frame_of_the_server_is_read_by_the_reference_library(size: int) -> None:
    from wsproto.connection import Connection, ConnectionType
    from wsproto.events import BytesMessage

    payload = os.urandom(size)
    client = Connection(ConnectionType.CLIENT)
    client.receive_data(frame(Opcode.BINARY, payload))
    found = list(client.events())
    assert b"".join(event.data for event in found if isinstance(event, BytesMessage)) == payload
    last = found[-1]
    assert isinstance(last, BytesMessage)
    assert last.message_finished
