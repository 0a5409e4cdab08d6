"""The whole service in this process, on a thread of its own, for tests that talk to it like any client."""

from __future__ import annotations

import queue
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import httpx
import trio

from uartsim.service.identity.directory import Directory, Principal
from uartsim.service.parts import Parts
from uartsim.service.serving.loopback_sockets import open_sockets
from uartsim.service.serving.running_service import RunningService, ServiceOptions, run_service
from uartsim.service.serving.state_folder import StateFolder
from uartsim.service.store import ResourceId

T = TypeVar("T")

#: The passwords and secrets of :data:`TENANT` are all this one.
SECRET = "correct horse"
SUBSCRIPTION = "11111111-2222-4333-8444-555555555555"
#: One user for each role, one with multi-factor authentication and one without a role; machines that start at once.
TENANT = f"""
[[subscription]]
id = "{SUBSCRIPTION}"
name = "Example"
[[resource_group]]
name = "rg"
[[storage_account]]
name = "bootlogs"
[[role]]
name = "Serial Console Operator"
actions = [
    "Microsoft.Compute/virtualMachines/start/action",
    "Microsoft.Compute/virtualMachines/read",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Resources/subscriptions/resourceGroups/read",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/read",
    "Microsoft.SerialConsole/serialPorts/connect/action",
]
""" + "".join(
    f"""
[[{kind}]]
name = "{name}"
{word} = "{SECRET}"
roles = [{f'"{role}"' if role else ""}]
"""
    for kind, word, name, role in (
        ("user", "password", "reader", "Reader"),
        ("user", "password", "operator", "Serial Console Operator"),
        ("user", "password", "vmcontributor", "Virtual Machine Contributor"),
        ("user", "password", "contributor", "Contributor"),
        ("user", "password", "owner", "Owner"),
        ("user", "password", "nobody", ""),
        ("service_principal", "secret", "automation", "Contributor"),
    )
)
#: A machine that starts at once, :func:`vm_id`.
VM1 = """
[[vm]]
name = "vm1"
guest = "demo"
settings = { grub_timeout = 0, boot_seconds = 0.0, time_scale = 0.0 }
port = { rate = "unlimited" }
"""
MACHINES = f"""{VM1}
[[scale_set]]
name = "web"
guest = "demo"
capacity = 2
settings = {{ grub_timeout = 0, boot_seconds = 0.0, time_scale = 0.0 }}
port = {{ rate = "unlimited" }}
"""


class Served:
    """A service that runs on a thread of its own.

    Args:
        state: the folder of its state; it is made if it is missing.
        tenant: the text of its set-up file.
        tls: whether connections are encrypted.

    Attributes:
        url: where it is reached.
        ca_file: the certificate to trust.
        parts: its rooms; what is on trio is called with :meth:`run`.
        said: what it has told the person in front of it.
    """

    def __init__(self, state: Path, tenant: str = TENANT + MACHINES, *, tls: bool = True) -> None:
        self.state = state
        self.said: list[str] = []
        self._tenant = state.parent / f"{state.name}.toml"
        self._tenant.write_text(tenant)
        self._tls = tls
        self._ready: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
        self._service: RunningService | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._clients: list[httpx.Client] = []
        self._thread = threading.Thread(target=self._run, name="served", daemon=True)
        self._thread.start()
        if (error := self._ready.get()) is not None:
            self._thread.join()
            raise error

    @property
    def service(self) -> RunningService:
        assert self._service is not None
        return self._service

    @property
    def url(self) -> str:
        return self.service.url

    @property
    def ca_file(self) -> str:
        return self.service.ca_file

    @property
    def parts(self) -> Parts:
        return self.service.parts

    def principal(self, name: str) -> Principal:
        """The user of a name such as ``"owner"``, or the service principal ``"automation"``."""
        directory = Directory(self.parts.store)
        found = directory.user(f"{name}@example.com") or directory.service_principal(name)
        assert found is not None, f"there is no {name}"
        return found

    def token(self, name: str = "owner", **claims: Any) -> str:
        """An access token for a user; further arguments are those of ``Tokens.issue``, such as ``lifetime_s``."""
        return self.parts.tokens.issue(self.principal(name), **claims)

    def client(self, name: str | None = "owner", **claims: Any) -> httpx.Client:
        """A client with a user's token; with None, one without a token."""
        import ssl

        headers = {} if name is None else {"Authorization": f"Bearer {self.token(name, **claims)}"}
        verify = ssl.create_default_context(cafile=self.ca_file) if self._tls else False
        made = httpx.Client(base_url=self.url, verify=verify, headers=headers, trust_env=False, timeout=30)
        self._clients.append(made)
        return made

    def run(self, function: Callable[..., Awaitable[T]], *arguments: Any) -> T:
        """Call an async function on the service's loop, and wait for it."""
        return trio.from_thread.run(function, *arguments, trio_token=self._token)

    def run_sync(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function on the service's loop, such as a change of its store."""
        return trio.from_thread.run_sync(function, *arguments, trio_token=self._token)

    def close(self) -> None:
        """End the service, and wait for that."""
        for client in self._clients:
            client.close()
        if self._thread.is_alive():
            self.run_sync(self.service.stop)
            self._thread.join(30)
            assert not self._thread.is_alive(), "the service does not end"

    def _run(self) -> None:
        trio.run(self._main)

    async def _main(self) -> None:
        from uartsim.error_groups import first_error

        sockets = open_sockets(0)
        try:
            options = ServiceOptions(self._tenant, self._tls, secret_cost=2, say=self.said.append)
            with StateFolder(str(self.state)) as state:
                async with run_service(state, sockets, options) as service:
                    self._service = service
                    self._token = trio.lowlevel.current_trio_token()
                    self._ready.put(None)
                    await service.wait_stopped()
        except BaseException as error:
            self._ready.put(first_error(error))
        finally:
            for one in sockets:
                one.close()


def vm_id(name: str = "vm1") -> ResourceId:
    """The id of a machine of :data:`MACHINES`."""
    return ResourceId(
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{name}"
    )


def instance_id(number: int, name: str = "web") -> ResourceId:
    """The id of an instance of a scale set of :data:`MACHINES`."""
    return ResourceId(
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachineScaleSets/{name}"
        f"/virtualMachines/{number}"
    )
