"""Answers of a service that does not behave."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from uartsim.azure_client.client_errors import ConsoleError, TransientError
from uartsim.azure_client.http_requests import MOST_BYTES, Http, refusal
from uartsim.azure_client.service_address import ServiceAddress


def answered_with(head: bytes, body: bytes) -> bytes:
    """Ask a peer that answers so, and keeps the connection; what is received."""

    async def peer(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        try:
            await stream.send_all(head + body)
            await trio.sleep_forever()
        except trio.BrokenResourceError:
            pass

    async def main() -> bytes:
        async with Http(ServiceAddress("http://localhost")) as http, trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, peer, 0, host="127.0.0.1"))
            port = listeners[0].socket.getsockname()[1]
            try:
                answer = await http.request("GET", f"http://127.0.0.1:{port}/")
            finally:
                nursery.cancel_scope.cancel()
        return answer.content

    try:
        return trio.run(main)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def test_an_answer_that_is_too_large_is_not_kept() -> None:
    with pytest.raises(ConsoleError, match=rf"gave an answer of more than {MOST_BYTES} bytes"):
        answered_with(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40), bytes(MOST_BYTES + (1 << 20)))


def test_the_largest_answer_is_read_whole() -> None:
    body = bytes(range(256)) * (MOST_BYTES // 256)
    assert answered_with(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MOST_BYTES, body) == body


def test_a_refusal_without_a_word_says_who_refuses() -> None:
    error = refusal(503, {"retry-after": "9" * 30}, "{}", "a.example")
    assert isinstance(error, TransientError)
    assert str(error) == "a.example answered with status 503 and no text"
