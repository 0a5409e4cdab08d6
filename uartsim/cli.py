"""The command line.

Heavy things are imported late: ``run`` first takes the name, makes the pty and binds the control socket, so that a
client can connect while the rest is still loading.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from uartsim.line_format import UartsimError, UsageError

if TYPE_CHECKING:
    from uartsim.access.station import Reservation
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.machine import GuestEnd


class _Group(click.Group):
    """Errors of ours are one sentence; a mistake of the user's exits with 2, as click's own do."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"uartsim: {error}", err=True)
            ctx.exit(2)
        except UartsimError as error:
            click.echo(f"uartsim: {error}", err=True)
            ctx.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="uartsim")
def main() -> None:
    """Serial consoles that you can test with real bytes.

    A guest's COM1 is a register-accurate 16550A; its line runs at 115200 baud and comes out as a pty.
    """


@main.command()
@click.argument("guest", default="demo")
@click.option("--name", help="The machine's name; the guest's if not given.")
@click.option("--link", type=click.Path(), help="Where the stable link to the pty shall be.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the guest. Repeatable.")
@click.option(
    "--strict-line", is_flag=True, help="A receiver that is too slow is overrun, as in hardware; else the line waits."
)
@click.option("--no-attach", is_flag=True, help="Do not attach this terminal.")
def run(
    guest: str, name: str | None, link: str | None, settings: tuple[str, ...], strict_line: bool, no_attach: bool
) -> None:
    """Run GUEST: a name from the catalogue (see 'uartsim guests') or the path of a guest's folder."""
    from uartsim.access.station import reserve
    from uartsim.guest.catalogue import find_guest

    definition = find_guest(guest).with_settings(_pairs(settings))
    definition.check_needs()
    signal.signal(signal.SIGTERM, _terminated)
    reservation = reserve(name or definition.name, link)
    attach = not no_attach and sys.stdin.isatty() and sys.stdout.isatty()
    try:
        end = _run(definition, reservation, strict_line, attach)
    except KeyboardInterrupt:
        end = None
    finally:
        reservation.release()
    if end is None or end.reason == "stopped":
        click.echo(f"{reservation.claim.name}: stopped", err=True)
        return
    click.echo(f"{reservation.claim.name}: {end}", err=True)
    if end.reason == "failed":
        sys.exit(1)


def _terminated(number: int, frame: object) -> None:
    """SIGTERM ends us as Ctrl-C does: with everything put away."""
    raise KeyboardInterrupt


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {setting}: write it as KEY=VALUE, such as --set grub_timeout=0")
        pairs[key] = value
    return pairs


def _run(definition: GuestDefinition, reservation: Reservation, strict_line: bool, attach: bool) -> GuestEnd | None:
    claim = reservation.claim
    click.echo(f"machine  {claim.name}: {definition.description}")
    click.echo(f"pty      {reservation.device.path}")
    click.echo(f"link     {claim.link}")
    if attach:
        click.echo("leave    Ctrl-] q (stops the machine)")
    else:
        click.echo(f"attach   picocom -b 115200 {claim.link}     leave picocom: Ctrl-A Ctrl-X")
        click.echo(f"stop     Ctrl-C here, or: uartsim stop {claim.name}")
    sys.stdout.flush()
    import trio

    async def whole() -> GuestEnd | None:
        from uartsim.access.hub import Hub
        from uartsim.access.station import Station
        from uartsim.access.terminal import interact
        from uartsim.guest.build import make_guest
        from uartsim.machine import Machine, open_machine

        stations: list[Station] = []

        def prepare(machine: Machine) -> None:
            stations.append(Station(reservation, Hub(machine.com1), definition.description))

        from pathlib import Path

        guest_folder = Path(claim.folder)
        async with open_machine(
            make_guest(definition),
            claim.name,
            strict_line=strict_line,
            runtime_dir=guest_folder,
            log=lambda text: click.echo(f"uartsim: {text}", err=True),
            prepare=prepare,
        ) as machine:
            (station,) = stations
            async with trio.open_nursery() as nursery:
                await nursery.start(station.run, machine)

                async def until_it_ends() -> None:
                    await machine.wait_ended()
                    await _let_clients_read(station)
                    nursery.cancel_scope.cancel()

                nursery.start_soon(until_it_ends)
                if attach:
                    with station.hub.attach("terminal", start=0) as client:
                        await interact(client, sys.stdin.fileno(), sys.stdout.fileno())
                    click.echo()
                    nursery.cancel_scope.cancel()
            return machine.ended

    try:
        return trio.run(whole)
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from None


async def _let_clients_read(station: Any) -> None:
    """The guest has ended: whoever is attached gets what is left, within a second."""
    import trio

    station.hub.com1.advance(station.hub.com1.clock.now())
    with trio.move_on_after(1):
        while station.hub.com1.uart.transmitter.fifo or any(
            c.position < station.hub.end for c in station.hub.clients if c.who != "pty" or station.pty.opened
        ):
            await trio.sleep(0.02)
    station.hub.close()
    await trio.sleep(0.05)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def guests(as_json: bool) -> None:
    """List the guests that can be run."""
    from uartsim.guest.catalogue import list_guests

    found = list_guests()
    if as_json:
        click.echo(
            json.dumps(
                [
                    {
                        "name": g.name,
                        "kind": g.kind,
                        "description": g.description,
                        "missing": [text for need in g.needs if (text := need.missing())],
                    }
                    for g in found
                ],
                indent=2,
            )
        )
        return
    for definition in found:
        click.echo(f"{definition.name:<12} {definition.kind:<8} {definition.description}")
        for need in definition.needs:
            if text := need.missing():
                click.echo(f"{'':<22}({text})")


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def list_machines(as_json: bool) -> None:
    """List the running machines."""
    from uartsim.access.control import ask
    from uartsim.access.runtime import control_path, running_machines

    found = []
    for name in running_machines():
        try:
            found.append(ask(control_path(name), "status", timeout_s=5))
        except UartsimError as error:
            found.append({"name": name, "state": str(error)})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("no machine is running; start one with 'uartsim run'")
    for status in found:
        pty = status.get("pty", {}).get("path", "-")
        click.echo(f"{status['name']:<16} {status.get('kind', '-'):<8} {pty:<12} {status['state']}")


@main.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(name: str, as_json: bool) -> None:
    """Show what machine NAME is doing: line, chip, counters, clients."""
    facts = _ask(name, "status")
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    com1, line, pty = facts["com1"], facts["com1"]["line"], facts["pty"]
    modem = " ".join(line_name.upper() if on else line_name for line_name, on in com1["modem"].items())
    registers = " ".join(f"{register}={value:02X}" for register, value in com1["registers"].items())
    click.echo(f"machine    {facts['name']} ({facts['kind']}), {facts['state']}, up {facts['up_s']:.0f} s")
    click.echo(f"guest      {facts['description']}")
    click.echo(f"pty        {pty['path']}, opened by {pty['opened']}, at {pty['baud']} baud")
    click.echo(f"link       {facts['link']}")
    click.echo(f"line       {com1['format']} (divisor {com1['divisor']}), {modem} (upper case: active)")
    click.echo(
        f"carried    {line['bytes_out']} bytes out, {line['bytes_in']} in; breaks {line['breaks_out']} out, "
        f"{line['breaks_in']} in; overruns {line['overruns']}; withheld {line['withheld']}"
    )
    click.echo(f"chip       {com1['uart']} {registers}")
    click.echo(f"accesses   {com1['thr_writes']} THR writes, {com1['rbr_reads']} RBR reads")
    click.echo(f"kept       {facts['hub']['scrollback_bytes']} bytes of {facts['hub']['bytes_from_guest']}")


def _ask(name: str, do: str, timeout_s: float = 30.0, **parameters: Any) -> Any:
    from uartsim.access.control import ask
    from uartsim.access.runtime import control_path

    return ask(control_path(name), do, timeout_s, **parameters)


@main.command("break")
@click.argument("name")
@click.option("--seconds", type=float, default=0.25, show_default=True, help="How long the line is held at space.")
def send_break(name: str, seconds: float) -> None:
    """Send a break to machine NAME."""
    _ask(name, "break", 90, seconds=seconds)


@main.command()
@click.argument("keys", metavar="KEY")
@click.argument("name")
def sysrq(keys: str, name: str) -> None:
    """Send SysRq KEY to machine NAME: a break, then the key; prints what the guest answers.

    Several letters are a sequence: each gets a break of its own.
    """
    text = _ask(name, "sysrq", 90, keys=keys)
    click.echo(text.replace("\r\n", "\n").strip("\n"))


@main.command()
@click.argument("name")
def nmi(name: str) -> None:
    """Press the NMI button of machine NAME."""
    _ask(name, "nmi")


@main.command()
@click.argument("name")
def reset(name: str) -> None:
    """Press the reset button of machine NAME."""
    _ask(name, "reset")


@main.command()
@click.argument("name")
@click.option("--bytes", "size", type=int, help="Only the last so many bytes.")
def history(name: str, size: int | None) -> None:
    """Print what machine NAME has sent, as far as it is kept."""
    sys.stdout.write(_ask(name, "history", bytes=size).replace("\r\n", "\n"))


@main.command()
@click.argument("name")
def stop(name: str) -> None:
    """End machine NAME; returns when it is gone."""
    import time

    from uartsim.access.runtime import running_machines

    pid = _ask(name, "status")["pid"]
    _ask(name, "stop")
    deadline = time.monotonic() + 15
    while name in running_machines():
        if time.monotonic() > deadline:
            raise UartsimError(f"{name} (process {pid}) has not ended within 15 s: end it with 'kill {pid}'")
        time.sleep(0.02)
    os.sched_yield()


if __name__ == "__main__":
    main()
