"""``frames=binary``: the guest's bytes as they are, and control messages beside them."""

from __future__ import annotations

import json
import threading

import pytest
import trio
import trio.lowlevel

from tests.service.gateway.binary_client import BinaryClient
from tests.service.gateway.console_rig import VM, open_rig
from uartsim.machine import SerialDriver
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.gateway.typed_messages import PASTE_TEXT
from uartsim.service.machines.virtual_machine import PowerState


def test_hello_comes_before_history_and_current_behind_it() -> None:
    with open_rig() as rig:
        rig.write(b"history")
        alice = BinaryClient(rig)
        alice.read_message("hello")
        assert alice.output == b""
        alice.read_message("current")
        assert alice.output == b"history"
        assert alice.of_kind("hello") == [{"type": "hello", "boot": alice.boot, "from": 0, "baud": 0}]
        assert len(alice.boot) == 16


def test_hello_says_the_speed_of_a_limited_line() -> None:
    with open_rig(unlimited=False) as rig:
        assert BinaryClient(rig).read_message("hello")["baud"] == 115200


def test_any_byte_comes_as_it_is_and_is_never_cut_into_characters() -> None:
    data = bytes(byte for byte in range(256)) * 20 + "größer €".encode() + b"\xe2\x82"
    with open_rig() as rig:
        alice = BinaryClient(rig)
        alice.read_message("current")
        rig.write(data)
        alice.read_until(lambda: len(alice.output) >= len(data))
        assert alice.output == data


def test_what_looks_like_a_control_message_is_output_when_the_guest_sends_it() -> None:
    forged = json.dumps({"type": "note", "text": "Type your password again."}).encode()
    with open_rig() as rig:
        alice = BinaryClient(rig)
        alice.read_message("current")
        rig.write(forged)
        assert alice.read_output(forged) == forged
        assert alice.of_kind("note") == []


def test_a_new_boot_is_told_and_counts_from_zero() -> None:
    with open_rig() as rig:
        rig.write(b"first")
        alice = BinaryClient(rig)
        alice.read_output(b"first")
        first = alice.boot
        rig.call(rig.machine.switch_off, PowerState.RUNNING)
        rig.wait_until(lambda: rig.machine.hub is None, "the first boot is over")
        rig.call(rig.machine.switch_on)
        message = alice.read_message("boot")
        assert message["from"] == 0
        assert message["boot"] != first
        rig.write(b"second")
        alice.read_output(b"second")
        assert alice.offset == len(b"second")


def test_the_reason_of_the_end_is_a_note_and_no_output() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        alice.read_message("current")
        bob = BinaryClient(rig, "bob")
        bob.read_message("holder")
        alice.read_to_end()
        text = "bob@example.com has taken this console over. You have not been logged out."
        assert alice.client.closed == (4001, text)
        assert alice.of_kind("note") == [{"type": "note", "text": text}]
        assert alice.output == b""
        back = BinaryClient(rig)
        back.read_message("holder", user="alice@example.com", you=True)
        bob.read_to_end()
        assert bob.client.closed == (4001, text.replace("bob", "alice"))


def test_who_may_not_gets_the_close_code_only() -> None:
    with open_rig() as rig:
        rig.rules.refusal = ArmError(403, "AuthorizationFailed", "You do not have the required permissions.")
        alice = BinaryClient(rig)
        alice.read_to_end()
        assert alice.client.closed == (4003, "You do not have the required permissions.")
        assert alice.messages == []


def test_a_refused_paste_is_a_note_and_what_follows_is_typed() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        alice.client.send("x" * 2049)
        alice.client.send("end")
        assert alice.read_output(b"end") == b"end"
        assert alice.of_kind("note") == [{"type": "note", "text": PASTE_TEXT}]
        assert alice.read_message("typed") == {"type": "typed", "bytes": 3}


def test_holder_and_watchers_are_told_of_each_change() -> None:
    with open_rig() as rig:
        watcher = BinaryClient(rig, "bob", "watch=1")
        watcher.read_message("holder", user=None, you=False, watchers=1)
        alice = BinaryClient(rig)
        alice.read_message("holder", user="alice@example.com", you=True, watchers=1)
        watcher.read_message("holder", user="alice@example.com", you=False, watchers=1)
        other = BinaryClient(rig, "carol", "watch=1")
        for one in (watcher, alice, other):
            one.read_message("holder", user="alice@example.com", watchers=2)
        other.client.close()
        rig.wait_until(lambda: rig.services.seats.occupancy(VM).watchers == 1, "one watches no more")
        alice.client.close()
        watcher.read_until(
            lambda: watcher.of_kind("holder")[-1] == {"type": "holder", "user": None, "you": False, "watchers": 1}
        )


def test_a_watcher_who_types_gets_a_note_once_and_is_never_told_that_it_was_typed() -> None:
    with open_rig() as rig:
        alice, watcher = BinaryClient(rig), BinaryClient(rig, "bob", "watch=1")
        watcher.read_message("current")
        watcher.client.send("x")
        watcher.client.send("y")
        watcher.read_message("note", text="You are watching: what you type is not sent.")
        alice.client.send("end")
        assert watcher.read_output(b"end") == b"end"
        assert len(watcher.of_kind("note")) == 1
        assert watcher.of_kind("typed") == []


def test_the_note_of_a_login_that_could_not_be_ended_comes_behind_hello_or_before_it_but_not_as_output() -> None:
    with open_rig(options=GatewayOptions(logout_on_disconnect=True)) as rig:
        alice = BinaryClient(rig)
        alice.read_message("current")
        alice.client.close()
        rig.wait_until(lambda: any("carrier" in entry[-1] for entry in rig.audit.entries), "carrier was dropped")
        bob = BinaryClient(rig, "bob")
        assert "could not be logged out" in bob.read_message("note")["text"]
        assert bob.output == b""


def test_typed_counts_what_the_line_has_taken_in_bytes_and_says_the_whole_at_the_end() -> None:
    text = "ä" * 1500
    with open_rig(unlimited=False) as rig:
        alice = BinaryClient(rig, query="paste=flow")
        for number in range(1, 4):
            alice.client.send(text)
            alice.read_message("typed", bytes=number * 3000)
        counts = [message["bytes"] for message in alice.of_kind("typed")]
        assert counts == sorted(set(counts))
        # 9000 characters take 0.78 s at 115200: some reports between, and not one for each of a thousand characters
        assert 5 <= len(counts) <= 15


def test_typed_stands_still_while_the_guest_does_not_read_and_goes_on_when_it_does() -> None:
    reads = trio.Event()

    async def stubborn(driver: SerialDriver) -> None:
        await reads.wait()
        while True:
            await driver.receive()

    size = 500_000  # far more than the guest's driver keeps for it
    with open_rig(stubborn) as rig:
        alice = BinaryClient(rig, query="paste=flow")
        sender = threading.Thread(target=alice.client.send, args=("x" * size,))
        sender.start()
        rig.wait_until(lambda: rig.machine.hub and rig.machine.hub.com1.far_pending > 2048, "the line is full")
        alice.read_message("typed")
        assert alice.of_kind("typed")[-1]["bytes"] < size // 2
        rig.call(reads.set)
        alice.read_message("typed", bytes=size)
        sender.join()


def test_a_paste_into_a_guest_that_dies_comes_to_its_end_in_the_count() -> None:
    async def deaf(driver: SerialDriver) -> None:
        await trio.sleep_forever()

    size = 500_000
    with open_rig(deaf) as rig:
        alice = BinaryClient(rig, query="paste=flow")
        alice.read_message("current")
        sender = threading.Thread(target=alice.client.send, args=("x" * size,))
        sender.start()
        rig.wait_until(lambda: rig.machine.hub and rig.machine.hub.com1.far_pending > 2048, "the line is full")
        rig.call(rig.machine.switch_off, PowerState.STARTING)
        alice.read_message("typed", bytes=size)
        sender.join()


def test_a_page_that_stops_a_paste_in_its_middle_has_typed_what_it_has_sent_and_nothing_more() -> None:
    got = bytearray()

    async def keep(driver: SerialDriver) -> None:
        while True:
            got.extend((await driver.receive()).data)

    with open_rig(keep, unlimited=False) as rig:
        alice = BinaryClient(rig, query="paste=flow")
        alice.read_message("current")
        sent = 0
        for number in range(8):
            while sent - max((one["bytes"] for one in alice.of_kind("typed")), default=0) > 4096 - 1024:
                alice.read()
            alice.client.send(chr(ord("a") + number) * 1024)
            sent += 1024
        alice.read_message("typed", bytes=sent)  # here the user stops it
        rig.wait_until(lambda: len(got) == sent, "the last characters are through")
        assert got == b"".join(bytes([ord("a") + number]) * 1024 for number in range(8))


def test_keys_are_reported_soon_and_together() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        for _ in range(200):
            alice.client.send("k")
        alice.read_message("typed", bytes=200)
        assert len(alice.of_kind("typed")) < 50


def test_what_is_typed_while_there_is_no_boot_is_counted_since_it_goes_nowhere() -> None:
    with open_rig() as rig:
        alice = BinaryClient(rig)
        alice.read_message("current")
        rig.call(rig.machine.switch_off, PowerState.STARTING)
        rig.wait_until(lambda: rig.machine.hub is None, "the boot is over")
        alice.client.send("lost")
        alice.read_message("typed", bytes=4)


@pytest.mark.parametrize("query", ["frames=text", ""])
def test_with_text_frames_nothing_of_all_this_is_said(query: str) -> None:
    with open_rig() as rig:
        rig.write(b"history")
        client = rig.connect(query=f"?{query}" if query else "")
        client.send("x" * 100)
        assert client.read_until("x" * 100) == "history" + "x" * 100
