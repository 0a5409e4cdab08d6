"""How long ``uartsim serve`` takes from the start of the process until it answers an authenticated GET of a machine.

    python -m benchmarks.serve_start [--rounds 15]

Goal: at most 1.5 times what it takes Python to import the libraries that the service is made with; both are measured in
turns.  State, keys and certificate were made before, and so was the token.  The client connects as soon as the port is
open, over TLS.  The machine is a ``demo``, which is switched on as the service starts.
"""

from __future__ import annotations

import argparse
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rig import compile_all, environment, median, process, table
from uartsim.service.identity.directory import Principal, PrincipalKind
from uartsim.service.identity.tokens import Tokens
from uartsim.service.serving.state_folder import AUTHORITY, TOKEN_KEY
from uartsim.service.tenant.machine_bodies import derived_id
from uartsim.service.tenant.setup_file import DEFAULT_GROUP, DEFAULT_SUBSCRIPTION
from uartsim.service.tenant.tenant_setup import DEFAULT_TENANT_ID

GOAL = 1.5
GIVE_UP_S = 30.0
#: What the service cannot do without.
LIBRARIES = (
    "click, trio, sqlite3, ssl, starlette.applications, starlette.routing, starlette.responses, hypercorn.trio.run, "
    "joserfc.jwt, joserfc.jwk"
)
TENANT = """
[[user]]
name = "owner"
password = "benchmark"
roles = ["Owner"]
[[vm]]
name = "vm1"
guest = "demo"
"""
PATH = f"/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/{DEFAULT_GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def connect(port: int) -> socket.socket:
    """A connection, as soon as the port is open."""
    give_up_at = time.monotonic() + GIVE_UP_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=GIVE_UP_S)
        except ConnectionRefusedError:
            if time.monotonic() > give_up_at:
                raise SystemExit("the service does not start; run it by hand to see why") from None
            time.sleep(0.0005)


def ask(port: int, context: ssl.SSLContext, token: str) -> bytes:
    """GET the machine, and return the first line of the answer."""
    with context.wrap_socket(connect(port), server_hostname="localhost") as stream:
        head = f"GET {PATH}?api-version=2024-11-01 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n"
        stream.sendall(head.encode())
        answer = b""
        while b"\r\n" not in answer:
            answer += stream.recv(65536)
    return answer.partition(b"\r\n")[0]


class Prepared:
    """A state folder that a first start has made, and a token for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.setup = folder / "tenant.toml"
        self.setup.write_text(TENANT)
        self.state = folder / "state"
        self.context = ssl.create_default_context()
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self._port = free_port()
        with process(self.command(self._port), env=environment(str(folder)), stdout=subprocess.DEVNULL):
            ask(self._port, self.context, "no token yet")
        self.context = ssl.create_default_context(cafile=str(self.state / AUTHORITY))
        user = Principal(derived_id("user owner@example.com"), PrincipalKind.USER, "owner@example.com")
        self.token = Tokens((self.state / TOKEN_KEY).read_bytes(), DEFAULT_TENANT_ID, "benchmark").issue(user)

    def command(self, port: int) -> list[str]:
        """The command line of the service."""
        start = [sys.executable, "-m", "uartsim", "serve", "--port", str(port)]
        return [*start, "--state", str(self.state), "--config", str(self.setup)]

    def measure(self) -> float:
        """Seconds from the start of the process to the answer."""
        port = free_port()
        started = time.monotonic()
        with process(self.command(port), env=environment(str(self.folder)), stdout=subprocess.DEVNULL):
            answer = ask(port, self.context, self.token)
            took = time.monotonic() - started
        if b" 200" not in answer:
            raise SystemExit(f"the service answered {answer!r}")
        return took


def import_libraries(folder: Path) -> float:
    """Seconds that Python takes to import the service's libraries."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", f"import {LIBRARIES}"], check=True, env=environment(str(folder)))
    return time.monotonic() - started


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    compile_all()
    with tempfile.TemporaryDirectory() as folder:
        prepared = Prepared(Path(folder))
        imports: list[float] = []
        answers: list[float] = []
        for _ in range(options.rounds):
            imports.append(import_libraries(Path(folder)))
            answers.append(prepared.measure())
    ratio = median(answers) / median(imports)
    rows = [
        ("import of the libraries", f"{median(imports):.3f} s", "", ""),
        ("GET of a machine answered", f"{median(answers):.3f} s", f"{ratio:.2f}", f"{GOAL}"),
    ]
    table("The start of 'uartsim serve'", ("from process start", "median", "ratio", "goal"), rows)


if __name__ == "__main__":
    main()
