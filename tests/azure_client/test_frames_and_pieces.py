"""What is typed, cut into frames; the menu; what is new in a log; second attempts and silent services, in virtual time."""

from __future__ import annotations

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st
from trio_websocket import CloseReason, ConnectionClosed

from uartsim.access.keys import ESCAPE, Keys
from uartsim.azure_client.azure_menu import AzureMenu
from uartsim.azure_client.client_errors import RefusalError, TransientError
from uartsim.azure_client.http_requests import refusal
from uartsim.azure_client.machine_checks import MachineName, machine_of_id
from uartsim.azure_client.machine_log import what_is_new
from uartsim.azure_client.retries import Retries
from uartsim.azure_client.typed_frames import FRAME, TypedFrames
from uartsim.azure_client.web_socket import PING_S, Closed, WebSocket, how_it_closed
from uartsim.printable import printable_line


def frames_of(*pieces: tuple[str, bool]) -> list[str]:
    """The frames of what was typed or pasted, in UTF-8 that is cut anywhere."""
    frames = TypedFrames()
    for text, pasted in pieces:
        frames.put(text.encode(), pasted=pasted)
    return list(iter(frames.take, ""))


def test_each_key_is_a_frame_and_a_paste_is_one() -> None:
    assert frames_of(("aé\x1b[A\x1bOP", False), ("one\rtwo", True), ("\rthree", True), ("z", False)) == [
        *("a", "é", "\x1b[A", "\x1bOP"),
        "one\rtwo\rthree",
        "z",
    ]


@given(st.lists(st.tuples(st.text(max_size=3000), st.booleans()), max_size=6), st.integers(1, 7))
def test_nothing_is_lost_and_no_frame_is_too_long(pieces: list[tuple[str, bool]], cut: int) -> None:
    frames, taken = TypedFrames(), []
    for text, pasted in pieces:
        data = text.encode()
        for at in range(0, len(data), max(1, len(data) // cut)):
            frames.put(data[at : at + max(1, len(data) // cut)], pasted=pasted)
    size = len(frames)
    while text := frames.take():
        taken.append(text)
        size -= len(text)
        assert len(frames) == size
    assert "".join(taken) == "".join(text for text, _ in pieces)
    assert max(map(len, taken), default=0) <= FRAME


def test_a_paste_is_waited_for_until_it_fills_a_frame() -> None:
    frames = TypedFrames()
    frames.put(b"x" * FRAME, pasted=True)
    assert not frames.is_partial
    frames.put(b"y", pasted=True)
    assert not frames.is_partial
    assert len(frames.take()) == FRAME
    assert frames.is_partial
    assert frames.drop() == 1
    assert frames.take() == ""


# -- the menu --------------------------------------------------------------------------------------------------


def press(*reads: bytes, windows: bool = False) -> list[tuple[str, bytes]]:
    """What is done for keys, but for what is only shown."""
    keys = Keys(AzureMenu(is_windows=windows))
    done = [what for number, read in enumerate(reads) for what in keys.feed(read, float(number))]
    return [what for what in done if what[0] not in ("menu", "ask", "echo", "clear")]


@pytest.mark.parametrize("yes", [b"y", b"Y"])
def test_nmi_and_reset_want_to_be_confirmed(yes: bytes) -> None:
    assert press(ESCAPE + b"n" + yes) == [("nmi", yes)]
    assert press(ESCAPE + b"R" + yes) == [("reset", yes)]
    assert press(ESCAPE + b"n\r" + ESCAPE + b"rN" + yes) == [("send", yes)]


def test_sysrq_takes_one_key_and_windows_has_none() -> None:
    assert press(ESCAPE + b"sbx") == [("sysrq", b"b"), ("send", b"x")]
    assert press(ESCAPE + b"s\x1b" + ESCAPE + b"s-") == [("unknown", b"-")]
    assert press(ESCAPE + b"sb", windows=True) == [("unknown", b"s"), ("send", b"b")]


def test_ctrl_bracket_twice_sends_it_and_a_paste_presses_nothing() -> None:
    assert press(ESCAPE + ESCAPE, ESCAPE + b"q") == [("send", ESCAPE), ("quit", b"q")]
    paste = b"q" * 100
    assert press(ESCAPE, paste) == [("send", paste)]


# -- the log ---------------------------------------------------------------------------------------------------


@given(st.binary(max_size=600), st.binary(max_size=300), st.integers(0, 600))
def test_what_is_new_completes_what_was_shown(before: bytes, more: bytes, gone: int) -> None:
    kept = before[min(gone, len(before)) :]
    new, whole = what_is_new(before, kept + more)
    if whole:
        assert (before + new).endswith(kept + more)
    else:
        assert new == kept + more
    if len(kept) > 256 and len(set(before)) > 200:
        assert (new, whole) == (more, True)


def test_a_log_that_was_begun_anew_is_shown_whole() -> None:
    assert what_is_new(b"old", b"new") == (b"new", False)
    assert what_is_new(b"", b"new") == (b"new", True)
    lines = b"".join(b"line %d\r\n" % (number // 2) for number in range(500))
    assert what_is_new(lines, lines[3000:] + b"!") == (b"!", True)
    assert what_is_new(lines, b"") == (b"", False)


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(0, 300))
def test_a_service_that_counts_says_exactly_what_is_new(before: bytes, more: bytes, gone: int) -> None:
    gone = min(gone, len(before))
    assert what_is_new(before, before[gone:] + more, gone) == (more, True)


def test_what_a_service_counts_is_not_believed_against_the_bytes() -> None:
    assert what_is_new(b"old log", b"another one", 0) == (b"another one", False)
    assert what_is_new(b"old", b"new", 100) == (b"new", False)
    assert what_is_new(b"aaaa", b"aaaa", 4) == (b"aaaa", True)
    assert what_is_new(b"old", b"new", -5) == (b"new", False)


# -- retries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wait_s", [0.0, None])
def test_a_service_that_wants_no_pause_is_still_not_asked_in_a_loop(wait_s: float | None) -> None:
    attempts = 0

    async def refuse() -> None:
        nonlocal attempts
        attempts += 1
        raise TransientError("busy", wait_s)

    async def main() -> None:
        with pytest.raises(TransientError):
            await Retries(30.0, lambda text: None).run(refuse)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert attempts < 12


# -- ids and answers -------------------------------------------------------------------------------------------


def test_an_id_is_read_in_whatever_case() -> None:
    path = "/SUBSCRIPTIONS/s/resourcegroups/g/providers/microsoft.compute/virtualmachines/vm1"
    assert machine_of_id(path) == MachineName("s", "g", "vm1")
    assert MachineName("s", "g", "a/../b?").path.endswith("virtualMachines/a%2F..%2Fb%3F")


@pytest.mark.parametrize(
    ("status", "field", "wait_s"),
    [
        (429, None, None),
        (503, "7", 7.0),
        (500, "1.5", 1.5),
        (502, "Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        (503, "soon", None),
        (503, "nan", None),
        (503, "-3", 0.0),
    ],
)
def test_how_long_the_service_asks_to_wait(status: int, field: str | None, wait_s: float | None) -> None:
    error = refusal(status, {} if field is None else {"retry-after": field}, "busy", "host")
    assert isinstance(error, TransientError)
    assert error.wait_s == wait_s


@given(st.integers(300, 599), st.text(max_size=50) | st.from_type(dict).map(str))
def test_any_refusal_is_a_sentence_without_controls(status: int, text: str) -> None:
    error = refusal(status, {}, text, "host")
    assert str(error)
    assert printable_line(str(error)) == str(error)
    assert isinstance(error, RefusalError if status not in (429, 503) else TransientError)


def test_a_refusals_details_are_shown() -> None:
    body = '{"error": {"code": "A", "message": "b", "details": [{"message": "c"}, 3]}}'
    assert str(refusal(409, {}, body, "host")) == "(A) b c"
    assert str(refusal(409, {}, "", "host")) == "host answered with status 409 and no text"


# -- in virtual time -------------------------------------------------------------------------------------------


def test_attempts_come_further_and_further_apart_and_end() -> None:
    at: list[float] = []
    said: list[str] = []

    async def main() -> None:
        async def fail() -> None:
            at.append(trio.current_time() - start)
            raise TransientError("busy")

        start = trio.current_time()
        with pytest.raises(TransientError):
            await Retries(30, said.append).run(fail)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert at == [0, 0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 23.75]
    assert said == ["busy; trying again for at most 30 s"]


class Silent:
    """A connection whose other end answers no ping."""

    def __init__(self) -> None:
        self.closed = trio.Event()

    async def ping(self) -> None:
        await trio.sleep_forever()

    async def get_message(self) -> str:
        await self.closed.wait()
        raise ConnectionClosed(CloseReason(1000, None))

    async def aclose(self) -> None:
        self.closed.set()


def test_a_service_that_answers_no_ping_is_given_up_only_if_everything_was_read() -> None:
    async def main() -> None:
        silent = Silent()
        socket = WebSocket(silent)  # type: ignore[arg-type]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.keep_alive)
            await trio.sleep(10 * PING_S)  # nobody reads: the answer may wait behind that
            assert not silent.closed.is_set()
            start = trio.current_time()
            assert await socket.receive() == Closed("the service did not answer a ping for 20 s", transient=True)
            assert trio.current_time() - start <= 3 * PING_S

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


@pytest.mark.parametrize(
    ("code", "said", "transient"),
    [
        (1006, "the connection was cut", True),
        (1000, "the service has ended the session (1000)", False),
        (1001, "the service has ended the session (1001)", True),
        (1011, "Connection not trusted (1011)", False),
        (1013, "later (1013)", True),
        (4001, "bob (4001)", False),
    ],
)
def test_what_a_close_code_means(code: int, said: str, transient: bool) -> None:
    reason = {1011: "Connection not trusted", 1013: "later", 4001: "bob"}.get(code)
    assert how_it_closed(CloseReason(code, reason)) == Closed(said, transient)
