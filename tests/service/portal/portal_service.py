"""A real `uartsim serve` for the tests of the portal page, and what a test does to it beside the page."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from tests.patience import patience
from tests.service.serve_process import ServeProcess
from tests.service.served import SECRET, SUBSCRIPTION

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
CONSOLE_SERVICE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.SerialConsole/consoleServices/default"
COMPUTE = "2024-11-01"
SERIAL_CONSOLE = "2018-05-01"


def machine_id(name: str) -> str:
    """The ARM id of a virtual machine, or of an instance such as ``web/0``."""
    scale_set, _, number = name.partition("/")
    if number:
        return f"{scale_set_id(scale_set)}/virtualMachines/{number}"
    return f"{GROUP}/providers/Microsoft.Compute/virtualMachines/{name}"


def scale_set_id(name: str) -> str:
    """The ARM id of a scale set."""
    return f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/{name}"


class PortalService:
    """A process of `uartsim serve`.

    Args:
        start: starts the process: with the port, or None for any that is free.

    Attributes:
        url: where the page is.
    """

    def __init__(self, start: Callable[[int | None], ServeProcess]) -> None:
        self._start = start
        self._process = start(None)
        self.url = self._process.wait_ready()
        self._clients: dict[str, httpx.Client] = {}

    def __enter__(self) -> PortalService:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for client in self._clients.values():
            client.close()
        self._process.close()

    @property
    def port(self) -> int:
        """Its TCP port."""
        return httpx.URL(self.url).port or 443

    @property
    def state(self) -> Path:
        """Its state folder."""
        return self._process.state

    def kill(self) -> None:
        """End it at once, as a loss of power does."""
        self._process.end(signal.SIGKILL)

    def restart(self) -> None:
        """Start it again after :meth:`kill`, at the same address."""
        (self._process.state / "connection.toml").unlink(missing_ok=True)
        self._process = self._start(self.port)
        assert self._process.wait_ready() == self.url

    def arm(self, user: str = "owner") -> httpx.Client:
        """A client of the management REST that has signed in."""
        if user not in self._clients:
            tls = ssl.create_default_context(cafile=self._process.state / "ca.pem")
            client = httpx.Client(base_url=self.url, verify=tls, trust_env=False, timeout=patience(30))
            self._clients[user] = client
            form = {
                "grant_type": "password",
                "client_id": "tests",
                "username": f"{user}@example.com",
                "password": SECRET,
            }
            answer = client.post("/adfs/oauth2/token", data=form)
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return self._clients[user]

    def call(self, method: str, path: str, version: str, body: Any = None, *, user: str = "owner") -> Any:
        """Do an operation as a user, to its end; returns what the first answer had."""
        client = self.arm(user)
        answer = client.request(method, path, params={"api-version": version}, json=body)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        watch = answer.headers.get("Azure-AsyncOperation")
        while watch is not None:
            state = client.get(watch).json()
            assert state["status"] in ("InProgress", "Succeeded"), state
            if state["status"] == "Succeeded":
                break
        return answer.json() if answer.content else None

    def machine(self, name: str, verb: str) -> None:
        """Do something to a machine: ``start``, ``powerOff``, ``deallocate``, ``restart``."""
        self.call("POST", f"{machine_id(name)}/{verb}", COMPUTE)

    def offer_consoles(self, *, offered: bool) -> None:
        """Enable or disable the console for the subscription."""
        self.call("POST", f"{CONSOLE_SERVICE}/{'enable' if offered else 'disable'}Console", SERIAL_CONSOLE)

    def boot_diagnostics(self, name: str, *, enabled: bool) -> None:
        """Switch a machine's boot diagnostics on or off."""
        body = {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": enabled}}}}
        self.call("PATCH", machine_id(name), COMPUTE, body)

    def faults(self, **switches: Any) -> None:
        """Switch on faults of the service; without any, switch all of them off."""
        client = self.arm()
        answer = client.post("/_uartsim/faults", json=switches) if switches else client.delete("/_uartsim/faults")
        assert answer.is_success, answer.text
