"""The commands of the command line.  What comes before them is in :mod:`uartsim.cli.entry`."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from uartsim import __version__
from uartsim.cli import conform_command, line_commands, problems_command, recording_commands
from uartsim.cli.line_commands import ask_machine, chosen
from uartsim.cli.option_types import Seconds
from uartsim.cli.run_machine import Line, exit_status, record_state, run_machine, run_virtually
from uartsim.errors import UartsimError, UsageError

if TYPE_CHECKING:
    from uartsim.access.station import Reservation
    from uartsim.access.terminal import Terminal


#: How much virtual time passes unless --for says otherwise, in seconds.
VIRTUAL_SECONDS = 60.0


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
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error (also: UARTSIM_DEBUG=1).")
def commands(debug: bool) -> None:
    """Serial consoles that you can test with real bytes.

    A guest's COM1 is a register-accurate 16550A; its line runs at 115200 baud and comes out as a pty.
    """
    if debug:
        os.environ["UARTSIM_DEBUG"] = "1"


@commands.command()
@click.argument("guest", default="demo")
@click.option("--name", help="The machine's name; the guest's if not given.")
@click.option("--link", type=click.Path(), help="Where the stable link to the pty shall be.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the guest. Repeatable.")
@click.option(
    "--strict-line", is_flag=True, help="A receiver that is too slow is overrun, as in hardware; else the line waits."
)
@click.option(
    "--rate",
    type=click.Choice(["line", "unlimited"]),
    default="line",
    show_default=True,
    help="line: a character takes its time on the wire, as in hardware. unlimited: it takes none; registers, FIFOs and "
    "counters behave as ever, but nothing that depends on time on the wire can be seen (pacing, overruns, timeouts).",
)
@click.option(
    "--line-policy",
    type=click.Choice(["refuse", "take-over"]),
    default="refuse",
    show_default=True,
    help="refuse: while one client holds the line, another that wants to send is refused with a sentence, unless it uses "
    "force. take-over: the newest gets the line, and the other is told.",
)
@click.option("--record", type=click.Path(), metavar="FILE", help="Record every byte with its time, as JSON lines.")
@click.option(
    "--trace",
    type=click.Path(),
    metavar="FILE",
    help="Record every register access and line event; 'uartsim trace' reads it.",
)
@click.option(
    "--vcd", type=click.Path(), metavar="FILE", help="Record the pins as a waveform, for GTKWave and PulseView."
)
@click.option(
    "--uart",
    type=click.Choice(["8250", "16450", "16550", "16550A", "16750"], case_sensitive=False),
    help="The chip; the guest's own if not given, mostly a 16550A. Where QEMU is served byte by byte, the guest has QEMU's "
    "own 16550A, and this is the chip behind it.",
)
@click.option(
    "--flow",
    type=click.Choice(["none", "rtscts"]),
    default="none",
    show_default=True,
    help="rtscts: this end of the line sends only while the guest's RTS is active.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="FAULT",
    help="Something is wrong with the line from the start, such as noise:rate=1e-4,seed=7; see 'uartsim fault --list'. "
    "Repeatable.",
)
@click.option(
    "--registers/--no-registers",
    default=None,
    help="For a guest in QEMU: it reaches our chip register by register, or not at all; or its bytes go through a driver of "
    "ours.  [default: registers where this QEMU and a compiler allow it]",
)
@click.option(
    "--restore", type=click.Path(), metavar="FOLDER", help="Go on from a snapshot that 'uartsim save' has made."
)
@click.option("--no-attach", is_flag=True, help="Do not attach this terminal.")
@click.option(
    "--clock",
    type=click.Choice(["real", "virtual"]),
    default="real",
    show_default=True,
    help="virtual: time passes as fast as the processor can work it out. Nobody can attach (no pty, no sockets): what the "
    "guest sends is printed, until it ends or the time of --for is over. Only for guests that are scripts.",
)
@click.option(
    "--for",
    "limit_s",
    type=Seconds(positive=True),
    metavar="SECONDS",
    help=f"With --clock virtual: how much virtual time may pass.  [default: {VIRTUAL_SECONDS}]",
)
@click.pass_obj
def run(
    early: Reservation | None,
    guest: str,
    name: str | None,
    link: str | None,
    settings: tuple[str, ...],
    strict_line: bool,
    rate: str,
    line_policy: str,
    record: str | None,
    trace: str | None,
    vcd: str | None,
    uart: str | None,
    flow: str,
    faults: tuple[str, ...],
    registers: bool | None,
    restore: str | None,
    no_attach: bool,
    clock: str,
    limit_s: float | None,
) -> None:
    """Run GUEST: a name from the catalogue (see 'uartsim guests') or the path of a guest's folder."""
    from uartsim.access.log import tell
    from uartsim.access.station import reserve
    from uartsim.guest.catalogue import find_guest
    from uartsim.machine.options import read_fault

    definition = find_guest(guest).with_settings(_pairs(settings))
    if registers is not None:
        definition = definition.with_registers("require" if registers else "off")
    definition.check_needs()
    line = Line(
        {
            "uart": uart or definition.uart,
            "strict_line": strict_line,
            "rate": rate,
            "flow": flow,
            "fault": [read_fault(text) for text in faults],
            "trace": trace,
            "vcd": vcd,
        },
        line_policy,
        record,
        restore,
    )
    if clock == "virtual":
        if restore is not None:
            raise UsageError("--restore with --clock virtual: a snapshot lives in real time; leave one of them out")
        if link is not None:
            raise UsageError("--link with --clock virtual: in virtual time there is no pty; leave one of them out")
        limit_s = VIRTUAL_SECONDS if limit_s is None else limit_s
        run_virtually(definition, name or definition.name, line, limit_s)
        return
    if limit_s is not None:
        raise UsageError("--for without --clock virtual: in real time a machine runs until 'uartsim stop' or Ctrl-C")
    made = line.check(definition)
    attach = not no_attach and sys.stdin.isatty() and sys.stdout.isatty()
    reservation = early if early is not None else reserve(name or definition.name, link)
    try:
        end = run_machine(definition, made, reservation, line, attach)
    finally:
        reservation.release()
    if end is None or end.reason == "stopped":
        tell(f"{reservation.claim.name}: stopped")
        return
    tell(f"{reservation.claim.name}: {end}")
    sys.exit(exit_status(end))


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {setting}: write it as KEY=VALUE, such as --set grub_timeout=0")
        pairs[key] = value
    return pairs


@commands.command()
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


@commands.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def list_machines(as_json: bool) -> None:
    """List the running machines."""
    from uartsim.access.control import ask
    from uartsim.access.runtime import running_machines, socket_path

    found = []
    for name in running_machines():
        try:
            found.append(ask(socket_path(name), "status", timeout_s=5))
        except UartsimError as error:
            found.append({"name": name, "state": str(error)})
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    if not found:
        click.echo("no machine is running; start one with 'uartsim run'")
    for status in found:
        pty = status.get("pty", {}).get("path", "-")
        holder = status.get("hub", {}).get("writer")
        held = f", held by {holder}" if holder else ""
        click.echo(f"{status['name']:<16} {status.get('kind', '-'):<8} {pty:<12} {status['state']}{held}")
        for more in status.get("more_ptys", []):
            click.echo(f"{'':<16} {'':<8} {more['path']:<12} {more['link']}{', only watches' * more['watch']}")


@commands.command()
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(name: str | None, as_json: bool) -> None:
    """Show what machine NAME, or the only one that runs, is doing: line, chip, counters, clients."""
    facts = ask_machine(chosen(name), "status")
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
    for shared in (pty, *facts["more_ptys"]):
        if shared["shared_by"]:
            click.echo(
                f"shared     {shared['path']} is read by {', '.join(shared['shared_by'])}: each byte reaches one"
            )
    for more in facts["more_ptys"]:
        click.echo(
            f"pty {more['number']:<6} {more['path']}, opened by {more['opened']}, at {more['baud']} baud"
            f"{', only watches' * more['watch']}, link {more['link']}"
        )
    watching = [client["who"] for client in facts["hub"]["clients"] if client["watch"] and client["present"]]
    click.echo(f"held by    {facts['hub']['writer'] or 'nobody'} (policy {facts['hub']['policy']})")
    click.echo(f"watching   {', '.join(watching) or 'nobody'}")
    click.echo(f"line       {com1['format']} (divisor {com1['divisor']}), {modem} (upper case: active)")
    _show_guest(facts["guest"])
    if "carrier" in facts["guest"]:
        click.echo(f"carrier    {facts['guest']['carrier']}")
    for difference in facts["hub"]["formats_differ"]:
        label = "garbled" if difference in facts["hub"]["formats_garble"] else "differ"
        click.echo(f"{label:<10} {difference}")
    for fault in com1["faults"]:
        click.echo(f"fault      {fault}")
    click.echo(
        f"carried    {line['bytes_out']} bytes out, {line['bytes_in']} in; breaks {line['breaks_out']} out, "
        f"{line['breaks_in']} in; errors {line['errors_out']} out, {line['errors_in']} in; "
        f"withheld {line['withheld']}; lost: {com1['lost']}"
    )
    click.echo(f"chip       {com1['uart']} {registers}")
    for way, counts in com1["accesses"].items():
        counted = " ".join(f"{register} {count}" for register, count in counts.items() if count)
        click.echo(f"{way + 's':<10} {counted or 'none'}")
    click.echo(f"kept       {facts['hub']['scrollback_bytes']} bytes of {facts['hub']['bytes_from_guest']}")
    for what in ("record", "trace", "vcd"):
        if facts[what] is not None:
            click.echo(f"{what:<10} {record_state(facts[what])}")


def _show_guest(facts: dict[str, Any]) -> None:
    """How a guest in QEMU reaches the chip."""
    if facts.get("served") == "registers":
        click.echo(
            f"registers  served one by one: {facts['reads_leased']} reads answered inside QEMU, {facts['reads_waited']} "
            f"waited for us; {facts['writes_posted']} writes posted, {facts['writes_waited']} waited"
        )
    elif facts.get("served") == "bytes":
        click.echo("registers  not served: QEMU's own UART is the guest's, and its bytes go through a driver of ours")


@commands.command()
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Only watch; send nothing.")
@click.option("--force", is_flag=True, help="Take the line over from whoever holds it; the other is told.")
@click.option("--history", type=int, metavar="BYTES", help="How much of the past to show; all if not given.")
def attach(name: str | None, watch: bool, force: bool, history: int | None) -> None:
    """Attach this terminal to machine NAME, or to the only one that runs.  Ctrl-] opens a menu; Ctrl-] q leaves."""
    from uartsim.access.runtime import only_machine, socket_path

    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise UsageError("attach needs a terminal; a program opens the pty or its link (see 'uartsim list')")
    name = name or only_machine()
    path = socket_path(name, "attach")
    import trio

    from uartsim.access.attach import connect
    from uartsim.access.terminal import Terminal

    async def whole() -> Terminal:
        terminal = Terminal(await connect(path), sys.stdin.fileno(), sys.stdout.fileno(), name=name)
        click.echo(f"attached to {name}; Ctrl-] opens the menu, Ctrl-] q leaves")
        await terminal.run(watch=watch, force=force, history=history)
        return terminal

    sys.exit(trio.run(whole).status)


@commands.command()
@click.argument("name", required=False)
@click.option("--watch", is_flag=True, help="Its clients only watch.")
@click.option("--link", type=click.Path(), help="Where its link shall be; NAME.N.tty beside the first if not given.")
@click.option("--remove", type=int, metavar="N", help="Take pty N away again.")
def pty(name: str | None, watch: bool, link: str | None, remove: int | None) -> None:
    """Give machine NAME, or the only one that runs, one more pty.

    Each client that is to see everything needs a pty of its own.  It is there until the machine ends.
    """
    from uartsim.access.runtime import only_machine

    name = name or only_machine()
    if remove is not None:
        ask_machine(name, "pty", remove=remove)
        return
    made = ask_machine(name, "pty", watch=watch, link=os.path.abspath(link) if link else None)
    click.echo(f"pty {made['number']}    {made['path']}")
    click.echo(f"link     {made['link']}")


@commands.command()
@click.argument("name", required=False)
def nmi(name: str | None) -> None:
    """Press the NMI button of machine NAME, or of the only one that runs."""
    ask_machine(chosen(name), "nmi")


@commands.command()
@click.argument("name", required=False)
def reset(name: str | None) -> None:
    """Press the reset button of machine NAME, or of the only one that runs."""
    ask_machine(chosen(name), "reset")


@commands.command()
@click.argument("words", nargs=-1, metavar="[NAME] FOLDER")
def save(words: tuple[str, ...]) -> None:
    """Save machine NAME, or the only one that runs, guest, disks and chip together, in FOLDER.

    'uartsim run GUEST --restore FOLDER' goes on from there.  A snapshot that is in FOLDER is replaced when the new one is
    whole; a folder with anything else in it is refused.
    """
    if not 1 <= len(words) <= 2:
        raise UsageError("save [NAME] FOLDER: give the folder that is to hold the snapshot")
    folder = words[-1]
    name = chosen(words[0] if len(words) == 2 else None)
    ask_machine(name, "save", 3600, folder=os.path.abspath(folder))


@commands.command()
@click.argument("name", required=False)
@click.option("--bytes", "size", type=int, help="Only the last so many bytes.")
@click.option("--raw", is_flag=True, help="The bytes as they were sent, controls and all; for a file or a program.")
def history(name: str | None, size: int | None, raw: bool) -> None:
    """Print what machine NAME, or the only one that runs, has sent, as far as it is kept.

    What a terminal would obey is shown and not obeyed, such as ESC as its picture, unless --raw is given.
    """
    if raw:
        kept = ask_machine(chosen(name), "history", bytes=size, raw=True)
        sys.stdout.buffer.write(kept.encode("latin-1"))
        sys.stdout.buffer.flush()
        return
    sys.stdout.write(ask_machine(chosen(name), "history", bytes=size).replace("\r\n", "\n"))


@commands.command()
@click.argument("name", required=False)
def stop(name: str | None) -> None:
    """End machine NAME, or the only one that runs; returns when it is gone."""
    import time

    from uartsim.access.runtime import running_machines

    name = chosen(name)
    pid = ask_machine(name, "status")["pid"]
    ask_machine(name, "stop")
    deadline = time.monotonic() + 15
    while name in running_machines():
        if time.monotonic() > deadline:
            raise UartsimError(f"{name} (process {pid}) has not ended within 15 s: end it with 'kill {pid}'")
        time.sleep(0.02)


line_commands.add(commands)
recording_commands.add(commands)
conform_command.add(commands)
problems_command.add(commands)
