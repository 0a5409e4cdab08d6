"""``uartsim serve``: the Azure Serial Console, rebuilt, on this machine."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from uartsim.cli.help_text import described
from uartsim.errors import UsageError

if TYPE_CHECKING:
    import socket

    from uartsim.service.serving.running_service import RunningService
    from uartsim.service.serving.state_folder import StateFolder

#: What the extra ``service`` installs, as far as the service cannot start without it.
_MODULES: Final = ("starlette", "hypercorn", "joserfc", "trustme")


@described("Serve virtual machines with Azure's serial console.", "uartsim serve --port 0 --state ./state")
@click.command()
@click.option("--config", type=click.Path(), help="The set-up file; without one, an example tenant.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port (8443); 0 takes any that is free.")
@click.option("--bind", metavar="ADDRESS", default="localhost", help="localhost, 127.0.0.1 or ::1.")
@click.option("--state", type=click.Path(), envvar="UARTSIM_SERVE_STATE", help="The folder for the state and the keys.")
@click.option("--reset-state", is_flag=True, help="Set the present state aside, and start anew from the set-up file.")
def serve(config: str | None, port: int | None, bind: str, state: str | None, reset_state: bool) -> None:
    """Serve virtual machines with Azure's management REST and its serial console.

    Clients of Azure's, such as az and the SDKs, use it unchanged over HTTPS and WSS on loopback. Ctrl-C ends it.
    """
    for path, option in ((config, "--config"), (state, "--state")):
        if path is not None and not path.strip("\0"):
            raise UsageError(f"{option} is empty: give a path")
    # The port is open before anything heavy is imported: a client that is early waits, and is not refused.
    from uartsim.service.serving.loopback_sockets import DEFAULT_PORT, open_sockets

    sockets = open_sockets(DEFAULT_PORT if port is None else port, bind)
    try:
        _serve(sockets, config, state, reset_state=reset_state)
    finally:
        for one in sockets:
            one.close()


def _serve(sockets: list[socket.socket], config: str | None, state: str | None, *, reset_state: bool) -> None:
    from uartsim.own_files.service_note import service_place
    from uartsim.service.serving.state_folder import StateFolder

    _check_extra()
    with StateFolder(os.path.abspath(state) if state is not None else service_place()) as folder:
        if reset_state:
            kept = folder.reset()
            _say(f"the state is set aside as {kept}" if kept else "there is no state yet: nothing is set aside")
        _run(folder, sockets, config)


def _check_extra() -> None:
    import importlib.util

    missing = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"'uartsim serve' needs {', '.join(missing)}: install them with pip install 'uartsim[service]'"
        )


def _run(folder: StateFolder, sockets: list[socket.socket], config: str | None) -> None:
    from pathlib import Path

    import trio

    from uartsim.cli.ending_signals import EndingSignals
    from uartsim.error_groups import first_error
    from uartsim.service.serving.running_service import ServiceOptions, run_service

    options = ServiceOptions(None if config is None else Path(config), say=_say)
    signals = EndingSignals("the service", folder.close)

    async def main() -> None:
        ending = trio.CancelScope()
        async with trio.open_nursery() as nursery:
            await nursery.start(signals.heed, ending)
            with ending:
                async with run_service(folder, sockets, options) as service:
                    _announce(service, folder, config)
                    await service.wait_stopped()
            nursery.cancel_scope.cancel()

    try:
        trio.run(main)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    finally:
        signals.over()


def _announce(service: RunningService, folder: StateFolder, config: str | None) -> None:
    """Tell the person where the service is, and how to log in."""
    from uartsim.own_files.service_note import service_place
    from uartsim.printable import printable
    from uartsim.service.arm.api_page import PAGE
    from uartsim.service.identity.directory import Directory, PrincipalKind
    from uartsim.service.portal.page_age import why_outdated
    from uartsim.service.portal.page_files import why_missing
    from uartsim.service.serving.state_folder import EXAMPLE
    from uartsim.service.store.machine_types import MACHINE_TYPE

    names: dict[Any, list[str]] = {}
    for principal in Directory(service.parts.store):
        names.setdefault(principal.kind, []).append(principal.name)
    users = sorted(names.get(PrincipalKind.USER, []) + names.get(PrincipalKind.SERVICE_PRINCIPAL, []))
    where = config or (folder.file(EXAMPLE) if folder.has(EXAMPLE) else "the set-up file that the state was made from")
    shown = ", ".join(users[:8]) + (f" and {len(users) - 8} more" if len(users) > 8 else "")
    url = service.url
    machine = next(service.parts.store.list(MACHINE_TYPE), None)
    logins = ""
    if PrincipalKind.USER in names:
        logins += "         az login -u NAME -p PASSWORD\n"
    if PrincipalKind.SERVICE_PRINCIPAL in names:
        logins += f"         az login --service-principal -u NAME -p SECRET --tenant {service.setup.tenant_id}\n"
    given = "" if str(folder.path) == service_place() else f"UARTSIM_SERVE_STATE={folder.path} "
    connect = f"uartsim console connect {machine.id.name} -g {machine.id.group} --user NAME" if machine else ""
    outdated = why_outdated()
    click.echo(
        printable(
            f"page     {why_missing() or f'{url}/'}\n"
            f"service  {url}     its calls, to try: {url}{PAGE}\n"
            f"state    {folder.path}\n"
            f"trust    CA={service.ca_file}\n"
            "         export REQUESTS_CA_BUNDLE=$CA CURL_CA_BUNDLE=$CA SSL_CERT_FILE=$CA WEBSOCKET_CLIENT_CA_BUNDLE=$CA\n"
            f"users    {shown}\n"
            f"         passwords and secrets: {where}\n"
            f"az       az cloud register -n Uartsim --endpoint-resource-manager {url}; az cloud set -n Uartsim\n"
            "         az config set core.instance_discovery=false\n"
            f"{logins}"
            + (f"console  {given}{connect}\n" if connect else "")
            + (f"note     {outdated}\n" if outdated else "")
            + "stop     Ctrl-C here\n"
        ),
        nl=False,
    )
    sys.stdout.flush()


def _say(text: str) -> None:
    from uartsim.printable import printable

    click.echo(f"uartsim: {printable(text)}", err=True)
