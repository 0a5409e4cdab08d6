"""A tenant of a service that runs, as people use it: over HTTPS with httpx, and over WebSocket with websocket-client."""

from __future__ import annotations

import json
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import httpx
import websocket

from tests.patience import SCALE
from tests.service.rules.refusals import NotRefused, check_refused
from tests.service.served import SECRET
from uartsim.service.parts import Parts

T = TypeVar("T")

PATIENCE_S = 20.0 * SCALE
BUILT_IN = {
    "Reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "Virtual Machine Contributor": "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
    "Contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "Owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
}
#: The api-version of each provider that the tests use.
VERSIONS = {
    "microsoft.compute": "2024-11-01",
    "microsoft.storage": "2023-05-01",
    "microsoft.authorization": "2022-04-01",
    "microsoft.serialconsole": "2018-05-01",
}


class Terminal:
    """A console that is open: what a user sees and types.

    Args:
        url: the connection string.
        token: the user's token, which is the first frame.
        tls: how the server is checked.
    """

    def __init__(self, url: str, token: str, tls: ssl.SSLContext) -> None:
        # websocket-client reads the time-out as that of each receive.
        self._socket = websocket.create_connection(url, timeout=PATIENCE_S, sslopt={"context": tls})
        self.first = self._socket.recv()
        self._socket.send(token)
        self.seen = ""
        self._at = 0
        self.url = url
        self.patience_s = PATIENCE_S
        self.reason = ""
        self.code: int | None = None

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()
        self._socket.shutdown()  # type: ignore[no-untyped-call]

    def send(self, text: str) -> None:
        """Send a frame."""
        self._socket.send(text)

    def type(self, text: str) -> None:
        """Send a frame for each character, as the clients do, and Enter."""
        for character in [*text, "\r"]:
            self._socket.send(character)

    def expect(self, text: str) -> str:
        """Wait for a text; returns what came since the last one that was waited for, the text included."""
        self.wait_until(lambda: text in self.seen[self._at :], repr(text))
        found = self.seen.index(text, self._at)
        came = self.seen[self._at : found + len(text)]
        self._at = found + len(text)
        return came

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Receive until a condition on what has been seen holds."""
        ends_at = time.monotonic() + self.patience_s
        while not condition():
            if not self._receive(ends_at):
                raise AssertionError(f"no {what}: {self.seen[-2000:]!r}; closed: {self.code} {self.reason}")

    def ended(self) -> str:
        """Wait for the end of the WebSocket; returns the reason that the server gave."""
        ends_at = time.monotonic() + self.patience_s
        while self._receive(ends_at):
            pass
        if self.code is None:
            raise NotRefused(f"the console is still open: {self.seen[-500:]!r}")
        return self.reason

    def check_ended(self, text: str) -> None:
        """Check that the console has been ended by now, with a reason: otherwise the guest's shell still answers.

        Raises:
            NotRefused: it is still open.
        """
        self._at = len(self.seen)
        try:
            self._socket.send("\r")
        except (OSError, websocket.WebSocketException):
            pass
        ends_at = time.monotonic() + PATIENCE_S
        while self.code is None and "# " not in self.seen[self._at :]:
            if not self._receive(ends_at):
                break
        if self.code is None or text not in self.reason:
            raise NotRefused(f"not ended with {text!r}: {self.code} {self.reason!r}")

    def login(self, user: str = "root", password: str = "toor", prompt: str = ":~# ") -> None:
        """Log in at the prompt of a Linux."""
        self.expect("login: ")
        self.type(user)
        self.expect("Password: ")
        self.type(password)
        self.expect(prompt)

    def run(self, command: str) -> str:
        """Run a command in a shell; returns its output."""
        # The echo of what is typed has two quotes in each mark, the output has not.
        first, last = uuid.uuid4().hex[:6], uuid.uuid4().hex[:6]
        self.type(f"echo {first}''0; {command}; echo {last}''1")
        self.expect(f"{first}0\r\n")
        return self.expect(f"{last}1")[:-7].replace("\r\n", "\n").strip()

    def _receive(self, ends_at: float) -> bool:
        left_s = ends_at - time.monotonic()
        if left_s <= 0 or self.code is not None:
            return False
        self._socket.settimeout(left_s)
        try:
            opcode, data = self._socket.recv_data()
        except websocket.WebSocketTimeoutException:
            return False
        except (OSError, websocket.WebSocketException) as error:
            self.code, self.reason = 1006, str(error)
            return False
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            self.code = int.from_bytes(data[:2]) if data else 1005
            self.reason = data[2:].decode()
            return False
        self.seen += data.decode()
        return True


@dataclass
class AzureTenant:
    """The service, and what its users do.

    Attributes:
        base_url: where it is.
        tls: how a client checks its certificate.
        ca_pem: the certificate that it is checked against.
        parts: the rooms of the service.
        call: calls a function in the service's own thread.
        subscription: the path of the subscription.
        tokens: the access token of each user, by what is before the @ of his name.
        object_ids: the directory's id of each user.
        patience_s: how long anything may take.
    """

    base_url: str
    tls: ssl.SSLContext
    ca_pem: str
    parts: Parts
    call: Callable[..., Any]
    subscription: str
    tokens: dict[str, str]
    object_ids: dict[str, str]
    patience_s: float = PATIENCE_S

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.base_url, verify=self.tls, timeout=PATIENCE_S)

    def close(self) -> None:
        self._http.close()

    @property
    def group(self) -> str:
        return f"{self.subscription}/resourceGroups/rg"

    def vm(self, name: str) -> str:
        return f"{self.group}/providers/Microsoft.Compute/virtualMachines/{name}"

    def instance(self, number: int = 0, scale_set: str = "web") -> str:
        return f"{self.group}/providers/Microsoft.Compute/virtualMachineScaleSets/{scale_set}/virtualMachines/{number}"

    def account(self, name: str) -> str:
        return f"{self.group}/providers/Microsoft.Storage/storageAccounts/{name}"

    def request(
        self, method: str, path: str, user: str = "owner", body: object = None, version: str | None = None
    ) -> httpx.Response:
        """One request of a user's."""
        provider = path.lower().rpartition("/providers/")[2].partition("/")[0]
        return self._http.request(
            method,
            path,
            params={"api-version": version or VERSIONS.get(provider, "2022-09-01")},
            headers={"Authorization": f"Bearer {self.tokens[user]}"},
            json=body,
        )

    def do(self, method: str, path: str, user: str = "owner", body: object = None, version: str | None = None) -> Any:
        """A request that must succeed; waits until a long operation of it has ended, and returns its result."""
        answer = self.request(method, path, user, body, version)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        if answer.status_code in {201, 202} and "azure-asyncoperation" in answer.headers:
            outcome = self._result(answer, user)
            assert outcome["status"] == "Succeeded", outcome
            return outcome.get("properties")
        return answer.json() if answer.content else None

    def _result(self, answer: httpx.Response, user: str) -> dict[str, Any]:
        """The end of a long operation, as its resource says."""
        url = answer.headers["azure-asyncoperation"]
        found: dict[str, Any] = {"status": "InProgress"}

        def ended() -> bool:
            shown = self._http.get(url, headers={"Authorization": f"Bearer {self.tokens[user]}"})
            assert shown.is_success, shown.text
            found.update(shown.json())
            return str(found["status"]) != "InProgress"

        self.wait_for(ended, f"the end of {url}")
        return found

    def log_in(self, user: str) -> None:
        """Log a user in by the service's own endpoint, as ``az login`` does; his token is the new one."""
        form = {"grant_type": "password", "client_id": "test", "username": f"{user}@example.com", "password": SECRET}
        answer = self._http.post("/adfs/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
        self.tokens[user] = answer.json()["access_token"]

    # -- the console -------------------------------------------------------------------------------------------

    def connect(self, machine: str, user: str = "vmcontributor") -> httpx.Response:
        """The call of ``connect``."""
        return self.request("POST", f"{machine}/providers/Microsoft.SerialConsole/serialPorts/0/connect", user)

    def check_refused(self, machine: str, status: int, text: str, user: str = "vmcontributor") -> None:
        """Check that a console is refused."""
        check_refused(self.connect(machine, user), status, text)

    def console(self, machine: str, user: str = "vmcontributor") -> Terminal:
        """Open a console: connect, and the WebSocket."""
        answer = self.connect(machine, user)
        assert answer.status_code == 200, answer.text
        return Terminal(answer.json()["connectionString"], self.tokens[user], self.tls)

    def check_opens(self, machine: str, user: str = "vmcontributor") -> None:
        """Check that a console opens and that the guest is seen."""
        with self.console(machine, user) as terminal:
            terminal.send("\r")
            terminal.expect("\n")

    def admin(
        self,
        terminal: Terminal,
        command: str,
        parameters: Mapping[str, object] | None = None,
        user: str = "vmcontributor",
    ) -> None:
        """An admin command beside an open console, as the clients send it."""
        url = terminal.url.replace("wss", "https", 1).replace("/client", f"/adminCommand/{command}")
        body = {"command": command, "requestId": str(uuid.uuid4()), "commandParameters": parameters or {}}
        answer = self._http.post(url, json=body, headers={"Authorization": f"Bearer {self.tokens[user]}"})
        assert answer.status_code == 200, answer.text

    # -- what mends things -------------------------------------------------------------------------------------

    def assign(self, user: str, role: str, scope: str) -> None:
        """Assign a built-in role, by its name, or a custom one, by its id."""
        role_id = BUILT_IN.get(role, role)
        definition = f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}"
        body = {"properties": {"roleDefinitionId": definition, "principalId": self.object_ids[user]}}
        self.do("PUT", f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", "owner", body)

    def custom_role(self, name: str, *actions: str) -> str:
        """Create a custom role; returns its id."""
        role_id = str(uuid.uuid4())
        body = {
            "properties": {
                "roleName": name,
                "type": "CustomRole",
                "assignableScopes": [self.subscription],
                "permissions": [{"actions": list(actions), "notActions": []}],
            }
        }
        self.do(
            "PUT", f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions/{role_id}", "owner", body
        )
        return role_id

    def boot_diagnostics(self, machine: str, account: str | None = None, *, enabled: bool = True) -> None:
        """Switch a machine's boot diagnostics on or off, or give it a storage account."""
        settings: dict[str, object] = {"enabled": enabled}
        if account is not None:
            settings["storageUri"] = f"https://{account}.blob.core.windows.net/"
        self.do("PATCH", machine, "owner", {"properties": {"diagnosticsProfile": {"bootDiagnostics": settings}}})

    def create_account(self, name: str, **properties: object) -> None:
        """Create a storage account."""
        body = {
            "location": "westeurope",
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": properties,
        }
        self.do("PUT", self.account(name), "owner", body)

    def log(self, machine: str, user: str = "owner") -> str:
        """The boot diagnostics log of a machine."""
        place = self.do("POST", f"{machine}/retrieveBootDiagnosticsData", user)
        answer = self._http.get(place["serialConsoleLogBlobUri"])
        assert answer.is_success, answer.text
        return answer.text

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds that other tasks bring about, and that nothing announces."""
        ends_at = time.monotonic() + self.patience_s
        while not condition():
            assert time.monotonic() < ends_at, f"{what} did not come"
            time.sleep(0.05)

    def run_command(self, machine: str, *script: str, user: str = "vmcontributor", windows: bool = False) -> str:
        """Run a script in the guest by its agent, once that is up; returns what it prints."""
        body = {"commandId": "RunPowerShellScript" if windows else "RunShellScript", "script": list(script)}
        outcome: dict[str, Any] = {}

        def ran() -> bool:
            answer = self.request("POST", f"{machine}/runCommand", user, body)
            assert answer.status_code == 202, answer.text
            outcome.update(self._result(answer, user))
            return outcome["status"] == "Succeeded" or "no guest agent runs" not in str(outcome)

        self.wait_for(ran, "the guest's agent")
        return str(outcome)

    def set_faults(self, table: Mapping[str, object]) -> None:
        """Switch faults on and off, by the endpoint for it."""
        answer = self._http.post(
            "/_uartsim/faults",
            content=json.dumps(table),
            headers={"Authorization": f"Bearer {self.tokens['owner']}"},
        )
        assert answer.is_success, answer.text
