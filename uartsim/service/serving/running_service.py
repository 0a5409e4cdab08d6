"""The service that runs: its state, its machines and its web server, from start to end."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import trio

from uartsim.errors import UartsimError, UsageError
from uartsim.service.diagnostics import Audit, Diagnostics
from uartsim.service.gateway.console_services import ConsoleServices
from uartsim.service.gateway.gateway_options import GatewayOptions
from uartsim.service.gateway.sessions import Sessions
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.secret_hash import COST
from uartsim.service.identity.tokens import Tokens, new_key
from uartsim.service.machines.diagnostics_settings import follow_settings
from uartsim.service.machines.virtual_machine import Machines
from uartsim.service.parts import Parts
from uartsim.service.rules.console_rules import ConsoleRules
from uartsim.service.rules.profiles import ConsolePolicy, Profile
from uartsim.service.rules.service_faults import PREVIEW_ERROR_PREFIX, Faults
from uartsim.service.serving.application import make_application
from uartsim.service.serving.certificate import provide_certificate
from uartsim.service.serving.http_server import ServerConfig, serve_on
from uartsim.service.serving.state_folder import AUTHORITY, CERTIFICATE, EXAMPLE, TOKEN_KEY, StateFolder
from uartsim.service.store import Store
from uartsim.service.tenant.apply_setup import applied_setup, apply_setup, was_applied
from uartsim.service.tenant.tenant_setup import Setup

#: How often the certificate's end is looked at, in seconds: once a day.
LOOK_EVERY_S: Final = 86400.0


Say = Callable[[str], None]


def _silent(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the service is to run.

    Attributes:
        setup: the set-up file, or None for what the state has, or the example.
        tls: whether connections are encrypted; off for measurements only.
        secret_cost: the cost of hashing passwords; tests make it low.
        say: told in sentences what a person should know.
    """

    setup: Path | None = None
    tls: bool = True
    secret_cost: int = COST
    say: Say = field(default=_silent)


class RunningService:
    """A service that answers.

    Attributes:
        url: where, without a slash at the end.
        ca_file: the path of the certificate of the authority to trust.
        parts: its rooms.
        setup: the settings of its tenant.
    """

    def __init__(self, url: str, ca_file: str, parts: Parts, setup: Setup) -> None:
        self.url = url
        self.ca_file = ca_file
        self.parts = parts
        self.setup = setup
        self._end = trio.Event()

    def stop(self) -> None:
        """Let the service end: the context that runs it goes on to its end."""
        self._end.set()

    async def wait_stopped(self) -> None:
        """Wait until something asks the service to end."""
        await self._end.wait()


@asynccontextmanager
async def run_service(
    state: StateFolder, sockets: list[socket.socket], options: ServiceOptions
) -> AsyncIterator[RunningService]:
    """Run the service for as long as the context lasts.

    Args:
        state: the folder of its state.
        sockets: listening sockets; they are closed at the end.
        options: how it is to run.

    Raises:
        UsageError: the set-up file or the state cannot be used.
    """
    with ExitStack() as cleanup:
        store = cleanup.enter_context(closing(Store(state.database())))
        if store.earlier_copy is not None:
            options.say(
                f"the state was of an earlier version, and is brought up to date; {store.earlier_copy} is as it was"
            )
        setup = _set_up(state, store, options)
        port = sockets[0].getsockname()[1]
        scheme = "https" if options.tls else "http"
        url = f"{scheme}://localhost:{port}"
        diagnostics = cleanup.enter_context(Diagnostics(state.folder))
        parts = _parts(url, state, store, setup, diagnostics, options.say)
        if options.tls:
            provide_certificate(state, options.say)
        config = ServerConfig(state.file(CERTIFICATE) if options.tls else None)
        service = RunningService(url, state.file(AUTHORITY), parts, setup)
        async with trio.open_nursery() as nursery:
            app = make_application(parts, nursery)
            await nursery.start(serve_on, app, config, sockets, service.wait_stopped)
            # After the listening: guests take longer to load than anything here.
            await nursery.start(parts.machines.run)
            if options.tls:
                nursery.start_soon(_renew, state, config, options.say)
            state.announce(url)
            try:
                yield service
            finally:
                with trio.CancelScope(shield=True):
                    await parts.sessions.stop()
                service.stop()
                nursery.cancel_scope.cancel()


def _set_up(state: StateFolder, store: Store, options: ServiceOptions) -> Setup:
    """Bring the set-up into the store, and return its settings."""
    applied = applied_setup(store)
    if options.setup is not None:
        stamp = _stamp(options.setup)
        if applied is not None and was_applied(store, stamp):
            return applied
        from uartsim.service.tenant.setup_file import read_setup_file

        setup = read_setup_file(options.setup)
        apply_setup(store, setup, options.say, stamp=stamp, cost=options.secret_cost)
        return setup
    if applied is not None:
        return applied
    from uartsim.service.tenant.example_tenant import example_tenant
    from uartsim.service.tenant.setup_file import read_setup

    text = example_tenant()
    state.write(EXAMPLE, text.encode())
    setup = read_setup(text, state.file(EXAMPLE), state.path)
    apply_setup(store, setup, options.say, cost=options.secret_cost)
    return setup


def _stamp(path: Path) -> str:
    """What tells a file from what it was before, without reading it; empty if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{path.absolute()} {found.st_ino} {found.st_mtime_ns} {found.st_size}"


def _parts(url: str, state: StateFolder, store: Store, setup: Setup, diagnostics: Diagnostics, say: Say) -> Parts:
    key = state.read(TOKEN_KEY)
    if key is None:
        key = new_key()
        state.write(TOKEN_KEY, key)
    tokens = _tokens(key, setup, url, state)
    authorisation = Authorisation(store)
    machines = Machines(store, log=say, output=follow_settings(store, diagnostics, say))
    policy = ConsolePolicy.from_table(setup.console)
    rules = ConsoleRules(store, authorisation, machines, policy)
    faults = Faults(PREVIEW_ERROR_PREFIX if policy.profile is Profile.PREVIEW else "")
    faults.change(setup.faults)
    services = ConsoleServices(tokens, rules, machines, faults, Audit(diagnostics), GatewayOptions(**setup.gateway))
    sessions = Sessions(url, services)
    store.subscribe(lambda before, after: sessions.review())
    return Parts(url, store, tokens, authorisation, machines, rules, faults, sessions, diagnostics, domain=setup.domain)


def _tokens(key: bytes, setup: Setup, url: str, state: StateFolder) -> Tokens:
    try:
        return Tokens(key, setup.tenant_id, f"{url}/adfs", setup.token_lifetime_s)
    except (ValueError, TypeError):
        raise UsageError(
            f"the key {state.file(TOKEN_KEY)} is damaged: remove it, and there will be a new one; everybody logs in again"
        ) from None


async def _renew(state: StateFolder, config: ServerConfig, say: Say) -> None:
    """Renew the certificate while the service runs; connections that are open go on."""
    while True:
        await trio.sleep(LOOK_EVERY_S)
        try:
            if provide_certificate(state, say):
                config.load_certificate()
        except (UartsimError, OSError) as error:  # such as a disk that is full for a while
            say(f"the certificate is looked at again later: {error}")
