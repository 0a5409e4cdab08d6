"""A client that comes again: it goes on at the very byte, and nothing is shown twice, lost or asked again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import example, given
from hypothesis import strategies as st

from tests.machine.rig import open_port
from tests.service.gateway.binary_client import BinaryClient
from tests.service.gateway.console_rig import Rig, open_rig
from tests.service.gateway.test_hostile_clients import connected, handshake, read_to_end
from uartsim.access.hub import Hub
from uartsim.access.output_filters import QueryFilter
from uartsim.control_sequences import ControlSequenceParser, Kind
from uartsim.service.gateway.gateway_options import Resume
from uartsim.service.gateway.shown_history import History, PastFilter, resumed_history
from uartsim.service.machines.virtual_machine import PowerState

#: What a guest sends: text, characters, sequences, questions to a terminal, and bytes of every kind.
UNITS = st.one_of(
    st.sampled_from(
        (b"\x1b[6n", b"\x1b[c", b"\x9b5n", b"\x1bZ", b"\x1b]11;?\x07", b"\x1bP+q544e\x1b\\", b"\x05", b"\x1b[3\x051m")
    ),
    st.sampled_from((b"\x1b[31m", b"\x1b]0;a title\x07", "größer €🙂".encode(), b"text", b"\r\n", b"\x1b", b"\x18")),
    st.binary(max_size=8),
)
#: The bytes that stand for a question.
BLANK = b"\x18\x00"


@asynccontextmanager
async def _hub(scrollback_bytes: int = 1 << 20) -> AsyncIterator[Hub]:
    async with open_port(unlimited=True) as (com1, _):
        yield Hub(com1, scrollback_bytes)


def _past(hub: Hub, history: History) -> bytes:
    """What of the past a client in binary frames gets."""
    past = PastFilter(history.size, keeps_length=True, seen=history.seen)
    _, data = hub.read(history.start, history.size)
    shown, half = b"", len(data) // 3
    for piece in (data[:half], data[half:]):
        shown += past.feed(piece) if piece else b""
    return shown


def _questions(data: bytes) -> list[bytes]:
    """The questions that a terminal answers when it gets this."""
    found, parser = [], ControlSequenceParser()
    for token in parser.feed(data):
        if token.kind is Kind.CSI and token.body in (b"6n", b"c", b"5n"):
            found.append(token.body)
        found += [b"Z"] if token.kind is Kind.ESCAPE and token.body == b"Z" else []
        if token.kind is not Kind.STRING:
            found += [b"\x05"] * token.data.count(b"\x05")
    return found + [b"\x05"] * parser.pending.count(b"\x05")


@given(units=st.lists(UNITS, max_size=12), places=st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_whatever_was_seen_before_each_resume_joins_to_what_the_guest_has_sent(
    units: list[bytes], places: list[float]
) -> None:
    sent = b"".join(units)
    cuts = sorted(round(place * len(sent)) for place in places)

    async def main() -> bytes:
        got = b""
        async with _hub() as hub:
            now = hub.com1.clock.now()
            for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
                history = resumed_history(hub, "b", Resume("b", len(got)), None)
                assert (history.start, history.lost) == (len(got), 0)
                hub.output(sent[begin:end], now)
                got += hub.read(history.start)[1]  # it was there while this was sent
        return got

    assert trio.run(main) == sent


@given(units=st.lists(UNITS, max_size=12), place=st.floats(0, 1))
def test_at_any_offset_the_rest_has_its_length_and_only_questions_are_blanked(units: list[bytes], place: float) -> None:
    sent = b"".join(units)
    offset = round(place * len(sent))

    async def main() -> bytes:
        async with _hub() as hub:
            hub.output(sent, hub.com1.clock.now())
            return _past(hub, resumed_history(hub, "b", Resume("b", offset), None))

    shown = trio.run(main)
    assert len(shown) == len(sent) - offset
    assert all(got == was or got in BLANK for got, was in zip(shown, sent[offset:], strict=True))


@given(units=st.lists(UNITS, max_size=10), place=st.floats(0, 1))
@example(units=[b"\x1b", b"\x05"], place=0.0)
def test_at_any_offset_a_terminal_that_has_seen_the_first_part_is_asked_nothing_by_the_rest(
    units: list[bytes], place: float
) -> None:
    sent = b"".join(units) + b"\r\n"
    offset = round(place * len(sent))

    async def main() -> bytes:
        async with _hub() as hub:
            hub.output(sent, hub.com1.clock.now())
            return _past(hub, resumed_history(hub, "b", Resume("b", offset), None))

    shown = trio.run(main)
    assert _questions(sent[:offset] + shown) == _questions(sent[:offset])


@given(units=st.lists(UNITS, max_size=10), place=st.floats(0, 1))
def test_where_nothing_is_asked_the_rest_is_what_the_guest_has_sent(units: list[bytes], place: float) -> None:
    sent = b"".join(units)
    offset = round(place * len(sent))

    async def main() -> bytes:
        async with _hub() as hub:
            hub.output(sent, hub.com1.clock.now())
            return _past(hub, resumed_history(hub, "b", Resume("b", offset), None))

    if QueryFilter(len(sent)).feed(sent) == sent:
        assert trio.run(main) == sent[offset:]


def _resumed(rig: Rig, seen: bytes, meanwhile: bytes) -> BinaryClient:
    """A client that comes again, and has had all of the past; it has been away while the guest sent something."""
    client = BinaryClient(rig)
    client.read_message("current")
    rig.write(seen)
    client.read_output(seen)
    resume = client.resume
    client.client.hang_up()
    rig.write(meanwhile)
    again = BinaryClient(rig, query=resume)
    again.read_message("current")
    hello = again.of_kind("hello")[0]
    assert (hello["boot"], hello["from"]) == (client.boot, len(seen))
    return again


def test_a_client_goes_on_at_the_byte_at_which_it_has_stopped() -> None:
    with open_rig() as rig:
        again = _resumed(rig, b"before\x1b[3", b"1mred \xe2\x82\xac")
        assert again.output == b"1mred \xe2\x82\xac"
        assert again.of_kind("missing") == []


def test_a_question_asked_while_the_client_was_away_is_not_answered_late() -> None:
    with open_rig() as rig:
        again = _resumed(rig, b"seen\x1b[", b"6nmore\x1b[6n")
        assert again.output == b"\x18\x18more\x18\x18\x18\x18"
        rig.write(b"\x1b[6n")
        again.read_output(b"\x1b[6n")


def test_what_is_no_longer_kept_is_counted_and_hello_says_where_it_goes_on() -> None:
    with open_rig(scrollback_bytes=65536) as rig:
        alice = BinaryClient(rig)
        rig.write(b"seen")
        alice.read_output(b"seen")
        resume = alice.resume
        alice.client.hang_up()
        for _ in range(20):
            rig.write(b"0123456789abcdef" * 1024)
        again = BinaryClient(rig, query=resume)
        again.read_message("current")
        hello, missing = again.of_kind("hello")[0], again.of_kind("missing")[0]
        assert again.messages.index(missing) < again.messages.index(hello)
        assert hello["from"] == 4 + missing["bytes"]
        assert missing["bytes"] + len(again.output) == 20 * 16384
        assert again.offset == 4 + 20 * 16384


@pytest.mark.parametrize("boot", ["0123456789abcdef", "x" * 64])
def test_another_boot_is_shown_from_its_beginning_whatever_the_offset(boot: str) -> None:
    with open_rig() as rig:
        rig.write(b"another boot")
        alice = BinaryClient(rig, query=f"boot={boot}&from=5")
        alice.read_message("current")
        assert alice.output == b"another boot"
        assert alice.of_kind("hello")[0]["from"] == 0
        assert alice.boot != boot


@pytest.mark.parametrize("offset", ["13", "9007199254740991", "9999999999999999"])
def test_an_offset_that_is_not_there_yet_is_not_believed(offset: str) -> None:
    with open_rig() as rig:
        rig.write(b"twelve bytes")
        alice = BinaryClient(rig)
        alice.read_message("current")
        again = BinaryClient(rig, query=f"boot={alice.boot}&from={offset}")
        again.read_message("current")
        assert again.of_kind("hello")[0]["from"] == 0
        assert again.output == b"twelve bytes"


def test_after_a_restart_of_the_machine_the_old_boot_s_last_words_come_first() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        rig.write(b"first boot")
        alice.read_output(b"first boot")
        resume = alice.resume
        alice.client.hang_up()
        rig.write(b"\x1b[6n: panic")
        _restart(rig)
        rig.write(b"second\x1b[6n boot")
        again = BinaryClient(rig, query=resume)
        again.read_until(lambda: len(again.of_kind("current")) == 2)
        assert again.output == b"\x18\x18\x18\x18: panicsecond\x18\x18\x18\x18 boot"
        hello, boot = again.of_kind("hello")[0], again.of_kind("boot")[0]
        assert (hello["boot"], hello["from"]) == (alice.boot, len(b"first boot"))
        assert (boot["boot"], boot["from"]) == (again.boot, 0)
        assert again.boot != alice.boot
        assert again.offset == len(b"second\x1b[6n boot")
        assert again.of_kind("missing") == []
        again.client.send("typed")
        again.read_output(b"typed")


def test_the_last_words_are_shown_while_the_machine_has_not_started_again() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        rig.write(b"first boot")
        alice.read_output(b"first boot")
        resume = alice.resume
        alice.client.hang_up()
        rig.write(b": panic")
        rig.call(rig.machine.switch_off, PowerState.STARTING)
        rig.wait_until(lambda: rig.machine.hub is None, "the first boot is over")
        again = BinaryClient(rig, query=resume)
        again.read_output(b": panic")
        rig.call(rig.machine.switch_on)
        again.read_message("boot")


def test_a_boot_before_the_last_is_not_kept_and_its_place_is_not_believed() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        rig.write(b"first boot")
        alice.read_output(b"first boot")
        resume = alice.resume
        alice.client.hang_up()
        for _ in range(2):
            _restart(rig)
            bob = BinaryClient(rig, "bob")
            bob.read_message("current")
            bob.client.hang_up()
        rig.write(b"third boot is longer than the first one")
        again = BinaryClient(rig, query=resume)
        again.read_message("current")
        assert again.of_kind("hello")[0]["from"] == 0
        assert again.output == b"third boot is longer than the first one"


def _restart(rig: Rig) -> None:
    rig.call(rig.machine.switch_off, PowerState.STARTING)
    rig.wait_until(lambda: rig.machine.hub is None, "the boot is over")
    rig.call(rig.machine.switch_on)
    rig.wait_until(lambda: rig.machine.hub is not None, "the next boot")


def test_no_two_services_name_a_boot_alike() -> None:
    boots = set()
    for _ in range(2):
        with open_rig() as rig:
            alice = BinaryClient(rig)
            alice.read_message("hello")
            boots.add(alice.boot)
    assert len(boots) == 2


def test_a_slow_client_that_is_overtaken_in_the_past_still_counts_right_and_is_asked_nothing() -> None:
    with open_rig(scrollback_bytes=65536) as rig:
        rig.write(b"begin\x1b[" + b"x" * 40_000)
        slow = BinaryClient(rig, "bob", "watch=1", sockopt=((1, 8, 4096),))  # SO_RCVBUF
        slow.read_message("hello")
        for _ in range(400):
            rig.write(b"0123456789abcde\n" * 1024)
        rig.write(b"the end")
        slow.read_output(b"the end")
        missing = sum(message["bytes"] for message in slow.of_kind("missing"))
        assert missing > 0
        assert slow.offset == len(slow.output) + missing == 7 + 40_000 + 400 * 16384 + 7
        assert len(slow.of_kind("current")) == 1


@pytest.mark.parametrize(
    "query",
    [
        "frames=hex",
        "frames=",
        "frames=binary&boot=b",
        "frames=binary&from=1",
        "frames=binary&boot=b&from=-1",
        "frames=binary&boot=b&from=1e3",
        "frames=binary&boot=b&from=",
        "frames=binary&boot=b&from=" + "9" * 17,
        "frames=binary&boot=b&from=%D9%A1",
        "frames=binary&boot=&from=1",
        "frames=binary&boot=" + "b" * 65 + "&from=1",
        "frames=binary&boot=%22b&from=1",
        "frames=text&boot=b&from=1",
        "boot=b&from=1",
        "frames=binary&boot=b&from=1&replay=1",
        "frames=binary&frames=binary",
    ],
)
def test_a_wrong_option_is_refused_with_what_is_right(query: str) -> None:
    with open_rig() as rig, connected(rig) as bare:
        bare.sendall(handshake(rig.open(query="?" + query)))
        head, _, body = read_to_end(bare).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        error = json.loads(body)["error"]
        assert error["code"] == "InvalidQuery"
        assert len(error["message"]) > 15
