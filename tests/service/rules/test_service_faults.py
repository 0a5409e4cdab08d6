"""The switches that make the service fail."""

from __future__ import annotations

import pytest
import trio

from uartsim.errors import UsageError
from uartsim.service.arm_error import ArmError
from uartsim.service.rules.service_faults import FaultKind, Faults


def connected(faults: Faults) -> ArmError | None:
    try:
        trio.run(faults.on_connect)
    except ArmError as error:
        return error
    return None


def test_nothing_is_wrong_at_first() -> None:
    faults = Faults()
    assert connected(faults) is None
    assert all(faults.take(kind) is None for kind in FaultKind)
    assert faults.shown() == {}


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("internal_error", 500, "Server encountered an internal error"),
        ("timeout", 504, "the service did not respond in a timely manner."),
    ],
)
def test_a_fault_happens_as_often_as_it_is_told(kind: str, status: int, text: str) -> None:
    faults = Faults()
    faults.set(kind, count=2)
    for _ in range(2):
        error = connected(faults)
        assert error is not None
        assert (error.status, text in error.message) == (status, True)
    assert connected(faults) is None


def test_a_fault_without_a_count_stays_until_it_is_cleared() -> None:
    faults = Faults()
    faults.set("drop_socket")
    assert all(faults.take(FaultKind.DROP_SOCKET) for _ in range(5))
    faults.clear("drop_socket")
    assert faults.take(FaultKind.DROP_SOCKET) is None


def test_the_preview_has_its_prefix() -> None:
    faults = Faults("Error 500 Message: ")
    faults.set("internal_error")
    error = connected(faults)
    assert error is not None
    assert error.message == "Error 500 Message: Server encountered an internal error"


def test_connect_is_late_by_the_delay() -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    faults = Faults()
    faults.set("connect_delay", delay_s=2.5, count=1)
    trio.run(faults.on_connect, sleep)
    trio.run(faults.on_connect, sleep)
    assert waited == [2.5]


def test_a_table_changes_what_it_names_and_reads_back() -> None:
    faults = Faults()
    faults.set("timeout")
    faults.set("block_gateway")
    faults.change({"internal_error": 1, "drop_socket": True, "block_gateway": False, "gateway_delay": {"delay_s": 1}})
    assert faults.shown() == {
        "drop_socket": {"count": None},
        "gateway_delay": {"count": None, "delay_s": 1.0},
        "internal_error": {"count": 1},
        "timeout": {"count": None},
    }
    again = Faults()
    again.change(faults.shown())
    assert again.shown() == faults.shown()


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"fire": True}, "'fire' is not a fault: use one of internal_error, timeout"),
        ({"timeout": 0}, "timeout: '0' is not a number of times"),
        ({"timeout": {"count": True}}, "is not a number of times"),
        ({"timeout": {"delay_s": 1}}, "timeout has no delay_s"),
        ({"timeout": {"seconds": 1}}, "'seconds' is not a key of a fault"),
        ({"connect_delay": True}, "connect_delay needs delay_s"),
        ({"connect_delay": {"delay_s": float("nan")}}, "needs delay_s: a number of seconds from 0 to 3600"),
        ({"connect_delay": {"delay_s": -1}}, "needs delay_s"),
        ({"timeout": []}, "is not a number of times"),
    ],
)
def test_a_wrong_table_is_said_and_changes_nothing(table: dict[str, object], text: str) -> None:
    faults = Faults()
    faults.set("drop_socket", count=3)
    with pytest.raises(UsageError, match=text):
        faults.change(table)
    assert faults.shown() == {"drop_socket": {"count": 3}}


def test_an_unknown_fault_cannot_be_cleared() -> None:
    with pytest.raises(UsageError, match="is not a fault"):
        Faults().clear("fire")
