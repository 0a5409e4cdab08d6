"""A gateway in this process, on a thread of its own, in front of machines whose guests are functions.

What the gateway asks of the rooms around it is small, and tests set it as they need: who is allowed, who has which token,
what the machines do.  The web server, the chip and the line are real.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import trio
import trio.lowlevel
import websocket
from starlette.applications import Starlette

from tests.machine.rig import FunctionGuest
from tests.patience import patience
from uartsim.access.hub import Hub
from uartsim.machine import Machine, SerialDriver, open_machine
from uartsim.service.arm_error import ArmError
from uartsim.service.gateway.admin_commands import AdminCommands
from uartsim.service.gateway.console_services import ConsoleServices
from uartsim.service.gateway.gateway_app import GatewayApp
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.gateway.sessions import Session, Sessions
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.virtual_machine import PowerState
from uartsim.service.rules.service_faults import Faults
from uartsim.service.rules.user_consoles import UserConsoles
from uartsim.service.serving.http_server import ServerConfig, serve_on
from uartsim.service.serving.loopback_sockets import open_sockets
from uartsim.service.store import ResourceId

T = TypeVar("T")

VM = ResourceId("/subscriptions/S/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1")
ALICE = "header.alice.signature"
BOB = "header.bob.signature"
EXPIRED = "header.expired.signature"


class Tokens:
    """Knows some tokens."""

    def __init__(self) -> None:
        self.lifetime_s = 3600.0

    def read(self, token: str) -> Caller:
        name = token.split(".")[1] if token.count(".") == 2 else ""
        if not name or name == "expired":
            raise ArmError(401, "InvalidAuthenticationToken", "The access token is invalid.")
        return Caller(f"id-{name}", f"{name}@example.com", "tenant", time.time() + self.lifetime_s, False, {})

    def read_header(self, header: str | None) -> Caller:
        if header is None:
            raise ArmError(401, "AuthenticationFailed", "The 'Authorization' header is missing.")
        return self.read(header.removeprefix("Bearer "))


class Rules:
    """Allows everything, until told otherwise."""

    def __init__(self) -> None:
        self.refusal: ArmError | None = None
        self.checks = 0
        self.consoles = UserConsoles()
        self.os = "Linux"

    def check_session(self, caller: Caller, machine_id: ResourceId) -> None:
        self.checks += 1
        if self.refusal is not None:
            raise self.refusal

    def os_type(self, machine_id: ResourceId) -> str:
        return self.os


class Audit:
    """Remembers what it is told."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, ...]] = []

    def connected(self, vm_id: ResourceId, user: str, session: str) -> None:
        self.entries.append(("connected", user))

    def admin_command(self, vm_id: ResourceId, user: str, session: str, command: str) -> None:
        self.entries.append(("admin command", user, command))

    def disconnected(self, vm_id: ResourceId, user: str, session: str, reason: str) -> None:
        self.entries.append(("disconnected", user, reason))


class FakeMachine:
    """A machine that the test switches on and off; its guest is a function of its driver."""

    def __init__(self, rig: Rig, guest: Callable[[SerialDriver], Awaitable[None]], options: dict[str, Any]) -> None:
        self.power_state = PowerState.DEALLOCATED
        self.hub: Hub | None = None
        self.changed = trio.lowlevel.ParkingLot()
        self.commands: list[str] = []
        self.driver: SerialDriver | None = None
        self._rig = rig
        self._guest = guest
        self._options = options
        self._scope = trio.CancelScope()

    def switch_on(self) -> None:
        """Power on, in the background."""
        self._rig.nursery.start_soon(self._boot)

    def switch_off(self, state: PowerState) -> None:
        """Pull the plug."""
        self.power_state = state
        self._scope.cancel()
        self.changed.unpark_all()

    async def _boot(self) -> None:
        async def main(machine: Machine) -> None:
            self.driver = SerialDriver(machine.com1)
            self.driver.open()
            await self._guest(self.driver)
            await trio.sleep_forever()

        scrollback = self._options.get("scrollback_bytes", 1 << 20)
        port = {name: value for name, value in self._options.items() if name != "scrollback_bytes"}
        self._scope = trio.CancelScope()
        hubs: list[Hub] = []
        with self._scope:
            async with open_machine(
                FunctionGuest(main), prepare=lambda machine: hubs.append(Hub(machine.com1, scrollback)), **port
            ) as machine:
                self.hub = hubs[0]
                self.power_state = PowerState.RUNNING
                self.changed.unpark_all()
                await machine.wait_ended()
        hubs[0].close()
        self.hub = None
        self.changed.unpark_all()

    async def nmi(self) -> None:
        self._obey("nmi")

    async def reset(self) -> None:
        self._obey("reset")

    async def sysrq(self, keys: str) -> None:
        self._obey(f"sysrq {keys}")

    def _obey(self, command: str) -> None:
        if self.hub is None:
            raise ArmError(409, "OperationNotAllowed", "The machine is off.")
        self.commands.append(command)


class Machines(dict[ResourceId, FakeMachine]):
    """The machines by their ids."""


async def echo(driver: SerialDriver) -> None:
    """A guest that sends back what it gets."""
    while True:
        await driver.write((await driver.receive()).data)


class Rig:
    """The gateway on its thread.

    Args:
        guest: the guest of the machine.
        options: the gateway's options.
        machine_options: options of the machine's port, and ``scrollback_bytes``.
    """

    def __init__(
        self,
        guest: Callable[[SerialDriver], Awaitable[None]] = echo,
        options: GatewayOptions | None = None,
        **machine_options: Any,
    ) -> None:
        self.tokens, self.rules, self.audit, self.faults = Tokens(), Rules(), Audit(), Faults()
        self.machines = Machines()
        self.nursery: trio.Nursery
        self._guest = guest
        self._machine_options = {"unlimited": True, **machine_options}
        self._options = options or GatewayOptions()
        self._clients: list[Client] = []
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait(patience(20))
        if self._failure is not None:
            raise self._failure

    # -- what tests do ---------------------------------------------------------------------------------------

    def open(self, name: str = "alice", query: str = "") -> str:
        """What ``connect`` gives a user: a connection string."""
        return self.call(self._open, name, VM) + query

    def session(self, url: str) -> Session | None:
        """The session of a connection string."""
        return self.call(self.sessions.get, url.split("/")[-2])

    def connect(self, name: str = "alice", query: str = "", token: str | None = None, **options: Any) -> Client:
        """A client that sits at the console: it has sent its token, and sees what comes."""
        client = self.client(self.open(name, query), **options)
        assert client.receive() == "Connecting..."
        client.send(token if token is not None else f"header.{name}.signature")
        return client

    def client(self, url: str, **options: Any) -> Client:
        """A client at a connection string; it is closed with the rig."""
        client = Client(url, **options)
        self._clients.append(client)
        return client

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function on the gateway's loop."""
        return trio.from_thread.run_sync(function, *arguments, trio_token=self._trio_token)

    @property
    def machine(self) -> FakeMachine:
        return self.machines[VM]

    def write(self, *pieces: bytes) -> None:
        """Have the guest send something, piece by piece."""
        driver = self.machine.driver
        assert driver is not None

        async def write_all() -> None:
            for piece in pieces:
                await driver.write(piece)

        trio.from_thread.run(write_all, trio_token=self._trio_token)

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something is so on the gateway's loop."""
        give_up = time.monotonic() + patience(10)
        while not self.call(condition):
            assert time.monotonic() < give_up, f"it does not happen: {what}"
            time.sleep(0.005)

    def stop(self) -> None:
        """Stop as the service does: say goodbye, then end."""
        for client in self._clients:
            client.hang_up()
        if self._thread.is_alive():
            self.call(self._end.set)
            self._thread.join(patience(20))
            assert not self._thread.is_alive(), "the gateway does not end"
        if self._failure is not None:
            raise self._failure

    # -- its thread ------------------------------------------------------------------------------------------

    def _open(self, name: str, machine_id: ResourceId) -> str:
        caller = self.tokens.read(f"header.{name}.signature")
        return self.sessions.connection_string(self.sessions.open(caller, machine_id))

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            self._failure = error
            self._ready.set()

    async def _main(self) -> None:
        self._trio_token = trio.lowlevel.current_trio_token()
        self._end = trio.Event()
        sockets = open_sockets(0, "127.0.0.1")
        self.port = sockets[0].getsockname()[1]
        services = self.services = ConsoleServices(
            cast(Any, self.tokens),
            cast(Any, self.rules),
            cast(Any, self.machines),
            self.faults,
            cast(Any, self.audit),
            self._options,
        )
        self.sessions = Sessions(f"http://127.0.0.1:{self.port}", services)
        app = GatewayApp(cast(Any, Starlette(routes=AdminCommands(self.sessions).routes())), self.sessions)
        async with trio.open_nursery() as self.nursery:
            machine = self.machines[VM] = FakeMachine(self, self._guest, self._machine_options)
            machine.switch_on()
            while machine.hub is None:
                await machine.changed.park()
            config = ServerConfig(None)
            config.graceful_timeout = 1.0
            await self.nursery.start(serve_on, app, config, sockets, self._until)
            self._ready.set()
            await self._end.wait()
            await self.sessions.stop()
            self.nursery.cancel_scope.cancel()

    async def _until(self) -> None:
        await trio.sleep_forever()


class Client:
    """websocket-client, as it comes: what Azure's command line uses.

    Args:
        url: the connection string.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self.url = url
        self.socket = websocket.create_connection(url, timeout=patience(10), **options)
        self.closed: tuple[int, str] | None = None
        self.text = ""

    def send(self, text: str) -> None:
        """Send a text frame."""
        self.socket.send(text)

    def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        self.socket.send_binary(data)

    def receive(self) -> str | None:
        """The next text frame, or None when the gateway has closed."""
        opcode, data = self.socket.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            self.closed = (int.from_bytes(data[:2], "big"), data[2:].decode())
            return None
        assert opcode == websocket.ABNF.OPCODE_TEXT, opcode
        return cast(str, data.decode())

    def read_until(self, wanted: str) -> str:
        """Read until something has come; returns all that came since the last call."""
        while wanted not in self.text:
            more = self.receive()
            assert more is not None, f"closed with {self.closed} after {self.text!r}"
            self.text += more
        at = self.text.index(wanted) + len(wanted)
        found, self.text = self.text[:at], self.text[at:]
        return found

    def read_to_end(self) -> str:
        """Read until the gateway has closed; returns all that came since the last call."""
        while (more := self.receive()) is not None:
            self.text += more
        found, self.text = self.text, ""
        return found

    def hang_up(self) -> None:
        """Close the connection, without a word."""
        cast(Any, self.socket).shutdown()

    def close(self) -> None:
        """Close as a client does."""
        self.socket.close()


@contextmanager
def open_rig(*arguments: Any, **options: Any) -> Iterator[Rig]:
    """A rig that stops at the end."""
    rig = Rig(*arguments, **options)
    try:
        yield rig
    finally:
        rig.stop()
