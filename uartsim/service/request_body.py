"""The body of an HTTP request, as far as it is not too long."""

from __future__ import annotations

from contextlib import aclosing

from starlette.requests import Request

from uartsim.service.arm_error import ArmError


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body.

    Args:
        request: the request.
        most_bytes: the most bytes that it may have.

    Raises:
        ArmError: 413, it has more; the rest is not read, and the connection is closed.
        ClientDisconnect: the client has gone before its end.
    """
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
