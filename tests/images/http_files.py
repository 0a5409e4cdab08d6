"""An HTTP server of files on a local port that can stop, lie and stall, as servers of images do."""

from __future__ import annotations

import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Served:
    """What a server does with each request, and what it was asked.

    Attributes:
        files: the content by path.
        etag: the version that it names, or an empty text.
        knows_ranges: whether it sends parts.
        most: it closes the connection after so many bytes of content in one answer.
        stalls_after: it says nothing more after so many bytes, until it is shut down.
        announced: it announces so many bytes more than there are; None for no announcement at all.
        chunked: whether it sends chunks.
        resets: whether it resets the connection instead of closing it.
        statuses: answers by path that have no content: a status, or a place to go to.
        content_range: the header of parts, if it is not the right one.
        requests: the range that each request has asked for, an empty text for all.
        url: the beginning of its URLs.
    """

    files: dict[str, bytes]
    etag: str = '"1"'
    knows_ranges: bool = True
    most: int | None = None
    stalls_after: int | None = None
    announced: int | None = 0
    chunked: bool = False
    resets: bool = False
    statuses: dict[str, int | str] = field(default_factory=dict)
    content_range: str = ""
    requests: list[str] = field(default_factory=list)
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serving(served: Served) -> Iterator[Served]:
    """Serve files on a local port for as long as the block runs."""

    class Handler(_Handler):
        what = served

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        served.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    what: Served
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def do_GET(self) -> None:
        what = self.what
        path = self.path.partition("?")[0]
        what.requests.append(self.headers.get("Range", ""))
        self.close_connection = True
        answer = what.statuses.get(path, 404 if path not in what.files else None)
        if isinstance(answer, str):
            self.send_response(302)
            self.send_header("Location", answer)
            self._end(b"")
        elif answer is not None:
            self.send_response(answer)
            self._end(b"a page that says so")
        else:
            self._send_file(what.files[path])

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_file(self, content: bytes) -> None:
        what = self.what
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(match[1]) if match and what.knows_ranges else 0
        if self.headers.get("If-Range", what.etag) != what.etag:
            start = 0
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self._end(b"")
            return
        self.send_response(206 if start else 200)
        if start:
            right = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send_header("Content-Range", what.content_range or right)
        if what.etag:
            self.send_header("ETag", what.etag)
        if what.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif what.announced is not None:
            self.send_header("Content-Length", str(max(len(content) - start + what.announced, 0)))
        self.end_headers()
        self._send_body(content[start:])

    def _send_body(self, body: bytes) -> None:
        what = self.what
        ends = [limit for limit in (what.most, what.stalls_after) if limit is not None]
        sent = body[: min(ends)] if ends else body
        if what.chunked:
            for at in range(0, len(sent), 1000):
                piece = sent[at : at + 1000]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            if sent == body:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(sent)
        self.wfile.flush()
        if what.stalls_after is not None and sent != body:
            what.over.wait(60)
        if what.resets:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
