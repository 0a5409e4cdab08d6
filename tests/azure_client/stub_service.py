"""A service that speaks just enough of the protocol, in a thread, and does what a test tells it."""

from __future__ import annotations

import json
import logging
import queue
import socket
import threading
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

import trio
import trustme
from hypercorn.config import Config
from hypercorn.trio import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.patience import patience

GROUP = "/subscriptions/sub-1/resourceGroups/group"
VM_PATH = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"
SECRET = "tr0ub4dor"


def linux_vm() -> dict[str, Any]:
    """A machine that is running, as the service describes it."""
    return {
        "name": "vm1",
        "properties": {
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
            "storageProfile": {"imageReference": {"offer": "UbuntuServer"}},
            "instanceView": {
                "osName": "ubuntu",
                "bootDiagnostics": {},
                "statuses": [{"code": "ProvisioningState/succeeded"}, {"code": "PowerState/running"}],
            },
        },
    }


class StubService:
    """The service.

    Attributes:
        resources: JSON objects by their path in lower case; an answer for GET.
        answers: what is answered next to a request, by the last part of its path: status, header fields and body.
        greetings: what happens next instead of the first frame: a code and a reason to close with.
        requests: the requests that came: method and path, as it was sent.
        sessions: the frames that came in each session, the token first.
        admin: the bodies of admin commands, and their tokens.
        log: the serial log.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", "127.0.0.1")
        self.ca_file = folder / "ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        self._certificate, self._key = folder / "cert.pem", folder / "key.pem"
        certificate.cert_chain_pems[0].write_to_path(str(self._certificate))
        certificate.private_key_pem.write_to_path(str(self._key))
        self.resources: dict[str, Any] = {
            "/subscriptions": {"value": [{"subscriptionId": "sub-1", "displayName": "One"}]},
            VM_PATH.lower(): linux_vm(),
            "/subscriptions/sub-1/providers/microsoft.serialconsole/consoleservices/default": {
                "properties": {"disabled": False}
            },
        }
        self.answers: dict[str, deque[tuple[int, dict[str, str], Any]]] = defaultdict(deque)
        self.greetings: deque[tuple[int, str]] = deque()
        self.requests: list[tuple[str, str]] = []
        self.sessions: list[list[str]] = []
        self.admin: list[tuple[dict[str, Any], str]] = []
        self.log = b""
        self.history = ""
        self.token = "token-1"
        self.port = 0
        self._sockets: list[WebSocket] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://localhost:{self.port}"

    # -- the test's side -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it: at the first time at a free port, and later at the same."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(16)
        self.port = listener.getsockname()[1]
        ready: queue.Queue[bool] = queue.Queue()
        self._thread = threading.Thread(target=trio.run, args=(self._run, listener, ready))
        self._thread.start()
        ready.get()

    def stop(self) -> None:
        """Stop it; every connection is cut."""
        if self._thread is not None:
            trio.from_thread.run_sync(self._stop.set, trio_token=self._loop)
            self._thread.join()
            self._thread = None

    def send(self, message: str | bytes) -> None:
        """Send a frame in the newest session."""
        socket = self._sockets[-1]
        if isinstance(message, str):
            trio.from_thread.run(socket.send_text, message, trio_token=self._loop)
        else:
            trio.from_thread.run(socket.send_bytes, message, trio_token=self._loop)

    def close(self, code: int, reason: str) -> None:
        """Close the newest session."""
        trio.from_thread.run(self._sockets[-1].close, code, reason, trio_token=self._loop)

    def refuse(self, last: str, status: int, code: str, message: str, **headers: str) -> None:
        """Answer the next request whose path ends so with an error."""
        self.answers[last].append((status, headers, {"error": {"code": code, "message": message}}))

    def wait(self, condition: Any, what: str) -> None:
        """Wait until a condition is true, which is looked at whenever something has come."""
        with self._changed:
            assert self._changed.wait_for(condition, patience(20)), f"{what}: {self.sessions} {self.requests}"

    def wait_frames(self, *frames: str, session: int = -1) -> None:
        """Wait until exactly these frames have come after the token in a session."""
        self.wait(lambda: self.sessions and self.sessions[session][1:] == list(frames), f"frames {frames}")

    def wait_sessions(self, count: int) -> None:
        """Wait until so many sessions have shown their token."""
        self.wait(lambda: len(self.sessions) >= count and self.sessions[-1], f"{count} sessions")

    # -- the service's side --------------------------------------------------------------------------------

    async def _run(self, listener: socket.socket, ready: queue.Queue[bool]) -> None:
        self._loop = trio.lowlevel.current_trio_token()
        self._stop = trio.Event()
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.certfile, config.keyfile = str(self._certificate), str(self._key)
        config.graceful_timeout = 0
        config.errorlog = logging.getLogger("stub")
        app = Starlette(
            routes=[
                WebSocketRoute("/n/connector/c/sessions/{session}/client", self._console),
                Route("/{path:path}", self._answer, methods=["GET", "POST"]),
            ]
        )
        ready.put(True)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: serve(app, config, shutdown_trigger=self._stop.wait))  # type: ignore[arg-type]
            await self._stop.wait()
            nursery.cancel_scope.cancel()

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        with self._changed:
            self.requests.append((request.method, request.scope["raw_path"].decode()))
            self._changed.notify_all()
        last = path.rpartition("/")[2]
        if self.answers[last]:
            status, headers, body = self.answers[last].popleft()
            return Response(json.dumps(body) if not isinstance(body, str) else body, status, headers)
        if last == "token":
            form = (await request.body()).decode()
            if f"client_secret={SECRET}" not in form or "client_id=alice" not in form:
                return JSONResponse({"error": "invalid_client", "error_description": "wrong secret"}, 401)
            return JSONResponse({"access_token": self.token, "expires_in": 3599})
        if last == "log":
            return self._blob(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return JSONResponse({"error": {"code": "InvalidToken", "message": "The token has expired."}}, 401)
        return await self._with_token(request, path, last)

    async def _with_token(self, request: Request, path: str, last: str) -> Response:
        if "/adminCommand/" in path:
            with self._changed:
                self.admin.append((await request.json(), path.rpartition("/adminCommand/")[0]))
                self._changed.notify_all()
            return JSONResponse({})
        if last == "connect":
            return JSONResponse({"connectionString": f"wss://localhost:{self.port}/n/connector/c/sessions/s-1/client"})
        if last in ("enableConsole", "disableConsole"):
            return JSONResponse({"properties": {"disabled": last == "disableConsole"}})
        if last == "retrieveBootDiagnosticsData":
            return JSONResponse({"serialConsoleLogBlobUri": f"{self.url}/log?sig=secret"})
        if (found := self.resources.get(path.lower())) is not None:
            return JSONResponse(found)
        message = f"The Resource '{last}' under resource group 'group' was not found."
        return JSONResponse({"error": {"code": "ResourceNotFound", "message": message}}, 404)

    def _blob(self, request: Request) -> Response:
        assert "authorization" not in request.headers
        etag = f'"{hash(self.log)}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304)
        return Response(self.log, headers={"etag": etag})

    async def _console(self, socket: WebSocket) -> None:
        await socket.accept()
        if self.greetings:
            await socket.close(*self.greetings.popleft())
            return
        assert "authorization" not in socket.headers
        frames: list[str] = []
        try:
            await socket.send_text("Connecting...")
            token = await socket.receive_text()
            if token != self.token:
                await socket.close(1011, "Connection not trusted")
                return
            frames.append(token)
            with self._changed:
                self.sessions.append(frames)
                self._sockets.append(socket)
                self._changed.notify_all()
            if self.history:
                await socket.send_text(self.history)
            while True:
                text = await socket.receive_text()
                with self._changed:
                    frames.append(text)
                    self._changed.notify_all()
        except WebSocketDisconnect:
            return
