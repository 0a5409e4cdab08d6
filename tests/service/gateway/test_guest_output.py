"""What a client gets of the guest's output: text, whole characters, the past, and what was missed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.machine.rig import open_port
from tests.service.gateway.console_rig import ALICE, VM, open_rig
from uartsim.access.hub import Hub
from uartsim.machine import SerialDriver
from uartsim.service.gateway import machine_line
from uartsim.service.gateway.guest_text import GuestText
from uartsim.service.gateway.shown_history import history_start

#: Bytes of every kind: text, beginnings of characters, rests of characters, wrong ones.
BYTES = st.one_of(st.binary(max_size=60), st.text(max_size=20).map(str.encode))


@given(parts=st.lists(BYTES, max_size=12))
def test_any_bytes_cut_anywhere_become_text_frames_that_join_to_the_decoded_stream(parts: list[bytes]) -> None:
    text = GuestText()
    frames = [text.feed(part) for part in parts] + [text.flush()]
    for one in frames:
        one.decode()
    assert b"".join(frames).decode() == b"".join(parts).decode(errors="replace")
    assert not text.holds


def test_a_client_gets_valid_text_for_whatever_the_guest_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        machine_line, "_SILENCE_S", 60.0
    )  # a pause of a busy computer is not a line that has fallen silent
    data = bytes(range(256)) * 40 + "größer € 🙂".encode() * 200
    with open_rig() as rig:
        client = rig.connect()
        seats = rig.services.seats  # of what was sent before, questions to a terminal are left out
        rig.wait_until(lambda: seats.holder(VM) is not None, "nobody sits there")
        rig.write(*(data[at : at + 7] for at in range(0, len(data), 7)), b"\nend")
        assert client.read_until("\nend") == (data + b"\nend").decode(errors="replace")


def test_half_a_character_is_held_until_its_rest_comes_and_shown_when_the_line_is_silent() -> None:
    with open_rig() as rig:
        client = rig.connect()
        rig.write(b"a\xe2\x82")
        assert client.receive() == "a"
        rig.write(b"\xac")
        assert client.receive() == "€"
        rig.write(b"b\xe2\x82")
        assert client.receive() == "b"
        assert client.receive() == "\ufffd"


@asynccontextmanager
async def _hub(scrollback_bytes: int) -> AsyncIterator[tuple[Hub, SerialDriver]]:
    async with open_port(unlimited=True) as (com1, driver):
        yield Hub(com1, scrollback_bytes), driver


def _shown(sent: bytes, size: int | None, scrollback_bytes: int = 1 << 20) -> bytes:
    """What of ``sent`` a new client is shown."""
    shown = b""

    async def main() -> None:
        nonlocal shown
        async with _hub(scrollback_bytes) as (hub, _):
            for at in range(0, len(sent), 1000):
                hub.output(sent[at : at + 1000], hub.com1.clock.now())
            start = history_start(hub, size)
            assert hub.start <= start <= hub.end
            shown = hub.read(start, 1 << 21)[1]

    trio.run(main)
    return shown


def test_all_that_is_kept_is_shown_where_nothing_has_fallen_out() -> None:
    assert _shown(b"\x1b[31mred\x1b[0m", None) == b"\x1b[31mred\x1b[0m"


@given(
    before=st.sampled_from((b"", b"text", b"\x1b[0m")),
    unit=st.sampled_from((b"\x1b[38;5;120m", b"\x1b]0;a title\x07", b"\x1bPq data\x1b\\", "🙂".encode(), b"\x1b(0")),
    keep=st.integers(0, 20),
)
def test_a_sequence_or_character_that_the_beginning_would_cut_is_left_out(
    before: bytes, unit: bytes, keep: int
) -> None:
    after, keep = b"plain text", keep % (len(unit) + 1)
    shown = _shown(before + unit + after, len(after) + keep)
    cut = 0 < keep < len(unit)
    assert shown == (after if cut else (before + unit + after)[-len(after) - keep :])


def test_at_the_start_of_the_ring_no_sequence_is_cut() -> None:
    unit = b"\x1b[38;5;120mx"
    for shift in range(len(unit)):
        shown = _shown(b"." * shift + unit * 20_000, None, scrollback_bytes=8192)
        assert shown.startswith((b"\x1b[38;5;120mx", b"x\x1b[38;5;120m"))
        assert len(shown) >= 4096


def test_a_string_without_an_end_does_not_swallow_everything() -> None:
    sent = b"\x1b]0;never ended " + b"y" * 20_000
    assert len(_shown(sent, 10_000)) == 10_000


def test_the_past_holds_no_questions_to_the_terminal_and_the_present_does() -> None:
    with open_rig() as rig:
        rig.write(b"before\x1b[6nafter")
        client = rig.connect()
        assert client.read_until("after") == "beforeafter"
        rig.write(b"now\x1b[6nend")
        assert client.read_until("end") == "now\x1b[6nend"


def test_a_client_that_does_not_read_stalls_neither_guest_nor_others_and_is_told_what_it_has_missed() -> None:
    with open_rig(scrollback_bytes=65536) as rig:
        slow = rig.client(rig.open("bob", "?watch=1"), sockopt=((1, 8, 4096),))  # SO_RCVBUF
        slow.receive()
        slow.send("header.bob.signature")
        alice = rig.connect()
        alice.send("x")
        alice.read_until("x")
        slow.read_until("x")
        block = b"0123456789abcdef" * 2048
        begin = time.monotonic()
        for number in range(300):
            rig.write(block)
            alice.read_until(block.decode())
            assert time.monotonic() - begin < 60, number
        rig.write(b"the end")
        alice.read_until("the end")
        text = slow.read_until("the end")
        notes = text.split("[")[1:]
        missed = sum(int(note.split()[0]) for note in notes if "bytes are missing here" in note)
        got = len(text) - sum(len(f"\r\n[{note.split(']')[0]}]\r\n") for note in notes)
        assert missed > 0
        assert got + missed == 300 * len(block) + len("the end")


def test_the_token_is_nowhere_in_what_a_client_gets() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send(ALICE)
        client.send("x")
        assert ALICE not in client.read_until("x")
