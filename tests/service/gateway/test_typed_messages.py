"""What a client types: pastes, their limit, pastes without one, and messages that are too big for anything."""

from __future__ import annotations

import threading

import pytest
import trio
import trio.lowlevel
import websocket
from hypothesis import given
from hypothesis import strategies as st

from tests.service.gateway.console_rig import ALICE, Client, open_rig
from uartsim.machine import SerialDriver
from uartsim.service.gateway.frame_parser import Piece
from uartsim.service.gateway.typed_messages import PASTE_TEXT, TooBigError, TypedMessages


def test_a_paste_of_2048_characters_is_typed() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("ä" * 2048)
        assert client.read_until("ä" * 2048)


def test_of_a_longer_paste_nothing_is_typed_and_the_documents_text_is_shown() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("x" * 2049)
        client.send_bytes(b"x" * 2049)
        client.send("end")
        assert client.read_until("end") == f"\r\n{PASTE_TEXT}\r\n" * 2 + "end"


def test_three_thousand_frames_of_one_character_are_typed() -> None:
    with open_rig() as rig:
        client = rig.connect()
        for number in range(3000):
            client.send(str(number % 10))
        assert client.read_until("0123456789" * 300)


def test_a_message_of_more_than_a_mebibyte_closes_the_web_socket_and_nobody_else_notices() -> None:
    with open_rig() as rig:
        watcher = rig.connect("bob", query="?watch=1")
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        _send_until_it_breaks(client, "x" * 10_000_000)
        rig.wait_until(lambda: len(rig.audit.entries) == 3, "the session has ended")
        assert rig.audit.entries[-1] == (
            "disconnected",
            "alice@example.com",
            "a message is longer than 1048576 bytes",
        )
        rig.write(b"going on")
        assert "going on" in watcher.read_until("going on")


def test_a_token_that_is_longer_than_any_is_too_big() -> None:
    with open_rig() as rig:
        client = rig.connect(token="x" * 16385)
        client.read_to_end()
        assert client.closed == (1009, "a message is longer than 16384 bytes")


def test_with_flow_a_paste_of_any_length_reaches_a_slow_guest_whole() -> None:
    got = bytearray()

    async def slow(driver: SerialDriver) -> None:
        while True:
            got.extend((await driver.receive()).data)
            await trio.lowlevel.checkpoint()

    paste = "".join(f"line {number}\r" for number in range(20_000))
    with open_rig(slow) as rig:
        client = rig.connect(query="?paste=flow")
        sender = threading.Thread(target=client.send, args=(paste,))
        sender.start()
        rig.wait_until(lambda: len(got) >= len(paste), "all of it has arrived")
        sender.join()
        assert got.decode() == paste


def test_with_flow_a_guest_that_reads_nothing_holds_back_the_client_and_not_the_service() -> None:
    async def deaf(driver: SerialDriver) -> None:
        await trio.sleep_forever()

    with open_rig(deaf) as rig:
        client = rig.connect(query="?paste=flow")
        sender = threading.Thread(target=_send_until_it_breaks, args=(client, "x" * 20_000_000))
        sender.start()
        rig.wait_until(lambda: rig.machine.hub and rig.machine.hub.com1.far_pending, "it waits for the guest")
        sender.join(0.3)
        assert sender.is_alive()
        assert rig.machine.hub is not None
        assert rig.machine.hub.com1.far_pending <= 4096
        bob = rig.connect("bob")
        bob.send("b")
        rig.wait_until(lambda: ("disconnected", "alice@example.com") in {one[:2] for one in rig.audit.entries}, "gone")
        sender.join(10)
        assert not sender.is_alive()


def _send_until_it_breaks(client: Client, text: str) -> None:
    try:
        client.send(text)
    except (OSError, websocket.WebSocketException):
        pass


@given(
    messages=st.lists(st.one_of(st.just(ALICE), st.text(max_size=30), st.just("x" * 2049)), max_size=8),
    cuts=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    flow=st.booleans(),
)
def test_however_messages_are_cut_the_same_is_typed_and_never_the_token(
    messages: list[str], cuts: list[int], flow: bool
) -> None:
    typed, refused = bytearray(), []

    async def main() -> None:
        async def on_token(token: str) -> None:
            assert token == ALICE

        async def on_typed(data: bytes) -> None:
            typed.extend(data)

        async def on_too_long() -> None:
            refused.append(True)

        taker = TypedMessages(None, flow, on_token, on_typed, on_too_long)
        for message in [ALICE, *messages]:
            data, turn = message.encode(), 0
            while True:
                part, data, turn = data[: cuts[turn]], data[cuts[turn] :], (turn + 1) % len(cuts)
                await taker.take(Piece(part, True, not data))
                if not data:
                    break

    trio.run(main)
    wanted = [one for one in messages if one != ALICE]
    if not flow:
        assert len(refused) == sum(len(one) > 2048 for one in wanted)
        wanted = [one for one in wanted if len(one) <= 2048]
    assert typed.decode() == "".join(wanted)


def test_a_message_that_never_ends_is_not_kept() -> None:
    async def main() -> None:
        async def nothing(*arguments: object) -> None:
            return

        taker = TypedMessages(ALICE, False, nothing, nothing, nothing)
        for _ in range(100):
            await taker.take(Piece(b"x" * 65536, True, False))

    with pytest.raises(TooBigError):
        trio.run(main)
