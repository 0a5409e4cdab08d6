"""The body of a request: bounded in length and in time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trio
from starlette.requests import Request
from trio.testing import MockClock

from uartsim.service.arm_error import ArmError
from uartsim.service.request_body import BODY_S, read_body


def request_of(pieces: Iterator[bytes | None], seconds: float = 0.0) -> Request:
    """A request whose body comes in pieces, each after some seconds; None ends it."""

    async def receive() -> dict[str, Any]:
        await trio.sleep(seconds)
        piece = next(pieces)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


def read(request: Request, most_bytes: int = 100) -> bytes:
    return trio.run(read_body, request, most_bytes, clock=MockClock(autojump_threshold=0))


def test_a_body_is_put_together() -> None:
    assert read(request_of(iter((b"a", b"b", None)))) == b"ab"


def test_a_body_that_is_too_long_is_not_read_on() -> None:
    with pytest.raises(ArmError, match="exceeds the maximum size of 100 bytes") as refused:
        read(request_of(iter((b"x" * 101,))))
    assert (refused.value.status, refused.value.headers["Connection"]) == (413, "close")


def test_a_body_that_drips_is_ended_in_time() -> None:
    with pytest.raises(ArmError, match="did not arrive within 30 seconds") as refused:
        read(request_of(iter([b"x"] * 99), seconds=BODY_S / 50))
    assert (refused.value.status, refused.value.headers["Connection"]) == (408, "close")
