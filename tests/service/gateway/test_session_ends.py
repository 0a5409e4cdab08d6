"""How a console ends: by another user, by a condition, by the clock, with the machine, with the service."""

from __future__ import annotations

import time

import pytest

from tests.service.gateway.console_rig import ALICE, VM, Rig, open_rig
from uartsim.machine import SerialDriver
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.rules.service_faults import FaultKind


def test_a_second_user_takes_over_and_the_first_is_told_by_whom() -> None:
    with open_rig() as rig:
        alice = rig.connect("alice")
        alice.send("a")
        alice.read_until("a")
        bob = rig.connect("bob")
        text = "bob@example.com has taken this console over. You have not been logged out."
        assert alice.read_to_end() == f"\r\n{text}\r\n"
        assert alice.closed == (4001, text)
        bob.send("b")
        assert bob.read_until("b") == "ab"


def test_after_a_take_over_no_byte_goes_either_way() -> None:
    with open_rig() as rig:
        alice = rig.connect("alice")
        alice.send("a")
        alice.read_until("a")
        bob = rig.connect("bob")
        bob.read_until("a")
        alice.socket.send("from alice")  # her client has not read the close frame
        bob.send("b")
        assert bob.read_until("b") == "b"
        assert "b" not in alice.read_to_end().replace("bob@example.com", "").replace("been", "")


def test_a_socket_that_never_shows_its_token_does_not_take_the_console_away() -> None:
    with open_rig() as rig:
        alice = rig.connect("alice")
        alice.send("a")
        alice.read_until("a")
        sender = rig.client(rig.open("bob"))
        assert sender.receive() == "Connecting..."
        alice.send("still here")
        assert alice.read_until("still here") == "still here"
        sender.close()
        alice.send("!")
        assert alice.read_until("!") == "!"


def test_twenty_users_take_over_from_each_other_and_the_last_one_sits_there() -> None:
    with open_rig() as rig:
        clients = [rig.connect(f"user{number}") for number in range(20)]
        for number, client in enumerate(clients[:-1]):
            client.read_to_end()
            assert client.closed is not None
            assert client.closed[0] == 4001, number
        clients[-1].send("last")
        assert clients[-1].read_until("last") == "last"
        rig.wait_until(lambda: len(rig.machine.hub.clients if rig.machine.hub else ()) == 1, "one client is left")


def test_where_a_second_user_is_refused_the_first_one_stays() -> None:
    with open_rig(options=GatewayOptions(refuse_second=True)) as rig:
        alice = rig.connect("alice")
        alice.send("a")
        alice.read_until("a")
        bob = rig.connect("bob")
        bob.read_to_end()
        assert bob.closed == (4009, "alice@example.com uses this console, and it is not taken over.")
        alice.close()
        rig.wait_until(lambda: not rig.sessions.is_active(VM), "she has left")
        again = rig.connect("bob")
        assert again.read_until("a") == "a"


def test_a_watcher_reads_and_takes_nothing_and_what_it_types_is_not_sent() -> None:
    with open_rig() as rig:
        alice = rig.connect("alice")
        alice.send("a")
        alice.read_until("a")
        watcher = rig.connect("bob", query="?watch=1")
        watcher.read_until("a")
        watcher.send("w")
        assert watcher.read_until("not sent.\r\n") == "\r\nYou are watching: what you type is not sent.\r\n"
        alice.send("z")
        assert alice.read_until("z") == "z"
        assert watcher.read_until("z") == "z"


def test_a_role_that_is_withdrawn_disconnects_with_the_reason() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        rig.call(rig.sessions.review)
        client.send("b")
        client.read_until("b")
        rig.rules.refusal = ArmError(403, "AuthorizationFailed", "You do not have the required permissions.")
        rig.call(rig.sessions.review)
        client.read_to_end()
        assert client.closed == (4003, "You do not have the required permissions.")


def test_a_reason_that_is_too_long_for_a_close_frame_is_whole_in_the_text() -> None:
    reason = "Boot diagnostics " + "ä" * 100
    with open_rig() as rig:
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        rig.rules.refusal = ArmError(409, "BootDiagnosticsNotEnabled", reason)
        rig.call(rig.sessions.review)
        assert client.read_to_end() == f"\r\n{reason}\r\n"
        assert client.closed == (4003, "Boot diagnostics " + "ä" * 53)


def test_a_token_that_expires_in_mid_session_ends_it() -> None:
    with open_rig() as rig:
        rig.tokens.lifetime_s = 0.3
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        client.read_to_end()
        assert client.closed == (4004, "The access token has expired. Connect again with a new one.")


def test_nobody_types_for_the_idle_limit() -> None:
    with open_rig(options=GatewayOptions(idle_limit_s=0.3)) as rig:
        client = rig.connect()
        begin = time.monotonic()
        client.send("a")
        client.read_to_end()
        assert client.closed == (4008, "Nobody has typed for 0.3 s.")
        assert time.monotonic() - begin >= 0.3


@pytest.mark.parametrize(("state", "how"), [(PowerState.STOPPED, "stopped"), (PowerState.DEALLOCATED, "deallocated")])
def test_the_console_works_until_the_machine_is_really_off(state: PowerState, how: str) -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        rig.machine.power_state = PowerState.DEALLOCATING
        rig.call(rig.machine.changed.unpark_all)
        client.send("b")
        assert client.read_until("b") == "b"
        rig.call(rig.machine.switch_off, state)
        client.read_to_end()
        assert client.closed == (4000, f"The machine has been {how}.")


def test_a_restart_interrupts_and_resumes_in_the_same_web_socket_with_the_new_boot() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("old boot")
        client.read_until("old boot")
        rig.call(rig.machine.switch_off, PowerState.RUNNING)
        rig.wait_until(lambda: rig.machine.hub is None, "it is between two boots")
        client.send("into the void")
        rig.call(rig.machine.switch_on)
        rig.wait_until(lambda: rig.machine.hub is not None and rig.machine.hub.clients, "it is there again")
        client.send("new boot")
        assert client.read_until("new boot") == "new boot"


def test_after_deallocation_and_start_the_new_boot_is_shown_and_not_the_old_one() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("old boot")
        client.read_until("old boot")
        rig.call(rig.machine.switch_off, PowerState.DEALLOCATED)
        client.read_to_end()
        rig.call(rig.machine.switch_on)
        rig.wait_until(lambda: rig.machine.hub is not None, "it is on again")
        again = rig.connect()
        again.send("new boot")
        assert again.read_until("new boot") == "new boot"


def test_a_machine_that_is_off_says_so() -> None:
    with open_rig() as rig:
        rig.call(rig.machine.switch_off, PowerState.STOPPED)
        rig.wait_until(lambda: rig.machine.hub is None, "it is off")
        client = rig.connect()
        client.read_to_end()
        assert client.closed == (4000, "The machine has been stopped.")


def test_when_the_service_stops_every_client_is_told() -> None:
    with open_rig() as rig:
        clients = [rig.connect("alice"), rig.connect("bob", query="?watch=1"), rig.client(rig.open("carol"))]
        clients[0].send("a")
        clients[0].read_until("a")
        rig.call(rig.nursery.start_soon, rig.sessions.stop)
        for client in clients:
            client.read_to_end()
            assert client.closed == (1001, "The service is stopping.")


def test_a_client_that_closes_gets_its_code_back() -> None:
    with open_rig() as rig:
        client = rig.connect()
        client.send("a")
        client.read_until("a")
        client.socket.send_close(3001, b"enough")
        client.read_to_end()
        assert client.closed == (3001, "the client closed")


def test_the_socket_can_be_dropped_delayed_and_its_host_blocked() -> None:
    import websocket

    with open_rig() as rig:
        rig.faults.set(FaultKind.DROP_SOCKET, count=1)
        client = rig.client(rig.open())
        assert client.read_to_end() == ""
        assert client.closed == (1011, "Web socket is closed or could not be opened.")
        rig.faults.set(FaultKind.BLOCK_GATEWAY, count=1)
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            rig.client(rig.open())
        assert caught.value.status_code == 503
        rig.faults.set(FaultKind.GATEWAY_DELAY, count=1, delay_s=0.2)
        begin = time.monotonic()
        assert rig.client(rig.open()).receive() == "Connecting..."
        assert time.monotonic() - begin >= 0.2


async def _getty(driver: SerialDriver) -> None:
    """A tty that honours carrier: it hangs up without it, and offers a login when it comes."""
    while True:
        await driver.modem.wait_carrier()
        await driver.write(b"login: ")
        await driver.modem.wait_carrier(up=False)
        driver.close()
        driver.open()


def test_logout_on_disconnect_ends_the_login_of_a_guest_that_honours_carrier() -> None:
    with open_rig(_getty, GatewayOptions(logout_on_disconnect=True)) as rig:
        alice = rig.connect("alice")
        alice.read_until("login: ")
        alice.close()
        rig.wait_until(lambda: len(rig.audit.entries) == 3, "the guest is looked at")
        assert rig.audit.entries[-1][2] == "carrier was dropped: the guest has hung up"
        assert rig.connect("bob").read_until("login: login: ")


def test_logout_on_disconnect_says_that_it_cannot_where_the_guest_ignores_carrier() -> None:
    with open_rig(options=GatewayOptions(logout_on_disconnect=True)) as rig:
        _key(rig)
        rig.wait_until(lambda: len(rig.audit.entries) == 3, "the guest is looked at")
        assert "ignores carrier (CLOCAL)" in rig.audit.entries[-1][2]
        bob = rig.connect("bob")
        assert "alice@example.com could not be logged out: the guest ignores carrier" in bob.read_until("(CLOCAL).")


def test_without_the_option_carrier_stays_and_a_take_over_never_drops_it() -> None:
    for option in (False, True):
        with open_rig(options=GatewayOptions(logout_on_disconnect=option)) as rig:
            alice = rig.connect("alice")
            alice.send("a")
            alice.read_until("a")
            bob = rig.connect("bob")
            alice.read_to_end()
            bob.send("b")
            bob.read_until("b")
            assert rig.machine.driver is not None
            assert rig.call(lambda: rig.machine.driver and rig.machine.driver.modem.carrier)


def _key(rig: Rig) -> None:
    """Alice comes, types a key, and leaves."""
    alice = rig.connect("alice")
    alice.send("a")
    alice.read_until("a")
    assert ALICE not in str(rig.audit.entries)
    alice.close()
