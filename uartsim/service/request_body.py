"""The body of an HTTP request, as far as it is not too long."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

import trio
from starlette.requests import Request

from uartsim.service.arm_error import ArmError

#: How long a client may take to send a body, in seconds.
BODY_S: Final = 30.0


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body; the client has :data:`BODY_S` seconds for it.

    Args:
        request: the request.
        most_bytes: the most bytes that it may have.

    Raises:
        ArmError: 413, it has more, or 408, it has not come in time; the rest is not read, and the connection is closed.
        ClientDisconnect: the client has gone before its end.
    """
    try:
        with trio.fail_after(BODY_S):
            return await _read_all(request, most_bytes)
    except trio.TooSlowError:
        raise ArmError(
            408,
            "RequestTimeout",
            f"The request content did not arrive within {BODY_S:g} seconds.",
            headers={"Connection": "close"},
        ) from None


async def _read_all(request: Request, most_bytes: int) -> bytes:
    pieces, length = [], 0
    async with aclosing(request.stream()) as stream:
        async for piece in stream:
            length += len(piece)
            if length > most_bytes:
                raise ArmError(
                    413,
                    "RequestContentTooLarge",
                    f"The request content size exceeds the maximum size of {most_bytes} bytes.",
                    headers={"Connection": "close"},
                )
            pieces.append(piece)
    return b"".join(pieces)
