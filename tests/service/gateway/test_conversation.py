"""The conversation on the WebSocket, step by step, with every generation of Azure's own client."""

from __future__ import annotations

import pytest

from tests.service.gateway.console_rig import ALICE, BOB, EXPIRED, VM, Client, open_rig
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.gateway_options import GatewayOptions


def test_the_server_speaks_first_and_no_guest_output_is_in_its_first_frame() -> None:
    with open_rig() as rig:
        rig.write(b"booted\r\n")
        client = rig.client(rig.open())
        assert client.receive() == "Connecting..."
        client.send(ALICE)
        assert client.read_until("booted\r\n") == "booted\r\n"


def test_a_key_goes_to_the_guest_and_its_echo_comes_back() -> None:
    with open_rig() as rig:
        client = rig.connect()
        for key in "ls\r":
            client.send(key)
        assert client.read_until("ls\r") == "ls\r"


@pytest.mark.parametrize("token", [EXPIRED, "nonsense", "", BOB])
def test_a_wrong_expired_or_foreign_token_is_not_trusted(token: str) -> None:
    with open_rig() as rig:
        client = rig.connect(token=token)
        assert client.read_to_end() == ""
        assert client.closed == (1011, "Connection not trusted")
        assert rig.call(lambda: rig.machine.hub and rig.machine.hub.clients) == set()


def test_no_token_at_all_is_not_trusted_in_the_end() -> None:
    with open_rig(options=GatewayOptions(token_within_s=0.05)) as rig:
        client = rig.client(rig.open())
        assert client.read_to_end() == "Connecting..."
        assert client.closed == (1011, "Connection not trusted")


def test_a_user_who_may_not_is_told_the_reason_of_the_rule() -> None:
    with open_rig() as rig:
        rig.rules.refusal = ArmError(403, "AuthorizationFailed", "You do not have the required permissions.")
        client = rig.connect()
        client.read_to_end()
        assert client.closed == (4003, "You do not have the required permissions.")


def test_a_token_straight_after_the_handshake_is_taken_and_what_follows_it_is_typed() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open())
        client.send(ALICE)
        client.send("early")
        assert client.receive() == "Connecting..."
        assert client.read_until("early") == "early"


def test_the_oldest_client_has_its_token_in_the_url_and_sends_none() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open(query=f"?authorization={ALICE}"))
        assert client.receive() == "Connecting..."
        client.send("x")
        assert client.read_until("x") == "x"


def test_the_second_generation_sends_the_token_of_the_url_twice_more_and_none_of_it_is_typed() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open(query=f"?authorization={ALICE}&new=1"))
        client.send(ALICE)
        assert client.receive() == "Connecting..."
        client.send(ALICE)
        client.send("x")
        assert client.read_until("x") == "x"


def test_a_second_copy_of_the_token_is_dropped_also_in_fragments_and_also_where_pastes_have_no_limit() -> None:
    for query in ("", "?paste=flow"):
        with open_rig() as rig:
            client = rig.connect(query=query)
            client.send(ALICE)
            _send_fragments(client, ALICE[:7], ALICE[7:])
            client.send("end")
            assert client.read_until("end") == "end"


def test_a_wrong_token_in_the_url_is_not_trusted() -> None:
    with open_rig() as rig:
        client = rig.client(rig.open(query=f"?authorization={EXPIRED}"))
        client.read_to_end()
        assert client.closed == (1011, "Connection not trusted")


def test_history_is_replayed_whenever_somebody_connects() -> None:
    with open_rig() as rig:
        rig.write(b"first line\r\n")
        first = rig.connect()
        assert first.read_until("first line\r\n") == "first line\r\n"
        rig.write(b"second line\r\n")
        first.read_until("second line\r\n")
        first.close()
        assert rig.connect().read_until("second line\r\n") == "first line\r\nsecond line\r\n"


def test_replay_says_how_much_of_the_past_is_shown() -> None:
    with open_rig() as rig:
        rig.write(b"0123456789")
        assert rig.connect(query="?replay=4").read_until("9") == "6789"
        assert rig.connect(query="?replay=0", name="bob").text == ""


def test_binary_and_empty_and_fragmented_frames_are_typed() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("")
        client.send_bytes(b"")
        client.send_bytes(b"ab")
        _send_fragments(client, "c", "", "de")
        assert client.read_until("e") == "abcde"


def test_a_frame_of_some_characters_is_typed_in_utf_8() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("größer €")
        assert client.read_until("€") == "größer €"


def test_the_audit_knows_who_came_and_how_it_ended_and_no_token() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("secret\r")
        client.read_until("secret\r")
        client.close()
        rig.wait_until(lambda: len(rig.audit.entries) == 2, "the end is noted")
        assert rig.audit.entries == [
            ("connected", "alice@example.com"),
            ("disconnected", "alice@example.com", "the client closed"),
        ]


def test_a_session_is_gone_when_its_web_socket_has_closed() -> None:
    with open_rig() as rig:
        client = rig.connect()
        url = client.url
        assert rig.call(rig.sessions.is_active, VM)
        client.close()
        rig.wait_until(lambda: not rig.sessions.is_active(VM), "the session ends")
        rig.wait_until(lambda: rig.sessions.get(url.split("/")[-2]) is None, "the session is gone")


def test_nobody_is_logged_out_and_the_consoles_of_a_user_are_counted() -> None:
    with open_rig() as rig:
        caller = rig.tokens.read(ALICE)
        client = rig.connect()
        client.send("x")
        client.read_until("x")
        assert rig.rules.consoles.conflict(caller, "Windows") == "Linux"
        client.close()
        rig.wait_until(lambda: rig.rules.consoles.conflict(caller, "Windows") is None, "it is counted off")


def _send_fragments(client: Client, *parts: str) -> None:
    """One text message in several frames."""
    import websocket

    for number, part in enumerate(parts):
        opcode = websocket.ABNF.OPCODE_TEXT if number == 0 else websocket.ABNF.OPCODE_CONT
        frame = websocket.ABNF.create_frame(part, opcode, fin=int(number == len(parts) - 1))
        client.socket.send_frame(frame)


def test_a_connection_string_survives_what_clients_do_to_it() -> None:
    with open_rig() as rig:
        for _ in range(20):
            url = rig.open()
            assert url.count("ws") == 1
            assert url.count("/client") == 1
            assert url.endswith("/client")
