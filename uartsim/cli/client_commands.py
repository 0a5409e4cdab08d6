"""The commands for a machine's clients: attach this terminal, one more pty, and what was sent before."""

from __future__ import annotations

import os
import sys

import click

from uartsim.cli.ask_machine import ask_machine, chosen
from uartsim.cli.completion_values import complete_machine
from uartsim.cli.help_text import described
from uartsim.errors import UsageError


@described("Attach this terminal to a machine.", "uartsim attach demo --watch")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
@click.option("--watch", is_flag=True, help="Only watch; send nothing.")
@click.option("--force", is_flag=True, help="Take the line over from the client that holds it, which is told.")
@click.option("--history", type=int, metavar="BYTES", help="How much of the past to show; all of it if not given.")
@click.option(
    "--record", type=click.Path(), metavar="FILE", help="Record to FILE, whose ending says how (see 'uartsim run')."
)
@click.option("--times", is_flag=True, help="Show the time of day before each line.")
@click.option("--hex", "as_hex", is_flag=True, help="Show bytes in hexadecimal.")
def attach(
    name: str | None,
    watch: bool,
    force: bool,
    history: int | None,
    record: str | None,
    times: bool,
    as_hex: bool,
) -> None:
    """Attach this terminal to machine NAME, or to the only one that runs.  Ctrl-] opens a menu; Ctrl-] q leaves."""
    from uartsim.access.runtime_folder import socket_path

    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise UsageError("attach needs a terminal; a program opens the pty or its link (see 'uartsim list')")
    machine = chosen(name)
    path = socket_path(machine, "attach")
    ask_machine(machine, "status")  # it answers at all
    import trio

    from uartsim.access.attach_client import AttachClient
    from uartsim.access.attach_messages import connect
    from uartsim.access.raw_terminal import window_size

    async def whole() -> int:
        client = AttachClient(await connect(path), sys.stdin.fileno(), sys.stdout.fileno(), name=machine)
        if record is not None:
            client.view.begin_record(record, window_size(sys.stdout.fileno()))
        if times:
            client.view.next_stamps()
        client.view.is_hex = as_hex
        click.echo(f"attached to {machine}; Ctrl-] opens the menu, Ctrl-] q leaves")
        await client.run(watch=watch, force=force, history=history)
        return client.status

    sys.exit(trio.run(whole))


@described("Give a machine one more pty.", "uartsim pty demo --link ./com1")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
@click.option("--watch", is_flag=True, help="The pty's clients only watch.")
@click.option("--link", type=click.Path(), help="The path of its link; NAME.N.tty beside the first one if not given.")
@click.option("--remove", type=int, metavar="N", help="Take pty N away again.")
def pty(name: str | None, watch: bool, link: str | None, remove: int | None) -> None:
    """Give machine NAME, or the only one that runs, one more pty.

    Each client that has to see everything needs a pty of its own.  The pty exists until the machine ends.
    """
    name = chosen(name)
    if remove is not None:
        ask_machine(name, "pty", remove=remove)
        return
    made = ask_machine(name, "pty", watch=watch, link=os.path.abspath(link) if link else None)
    click.echo(f"pty {made['number']}    {made['path']}")
    click.echo(f"link     {made['link']}")


@described("Print what a machine has sent.", "uartsim history demo --bytes 4096")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
@click.option("--bytes", "size", type=int, help="Only this many bytes, the last ones.")
@click.option("--raw", is_flag=True, help="The bytes as they were sent, controls and all; for a file or a program.")
def history(name: str | None, size: int | None, raw: bool) -> None:
    """Print what machine NAME, or the only one that runs, has sent, as far as it is kept.

    Controls are shown as pictures, such as that of ESC, so that no terminal obeys them, unless --raw is given.
    """
    if raw:
        kept = ask_machine(chosen(name), "history", bytes=size, raw=True)
        sys.stdout.buffer.write(kept.encode("latin-1"))
        sys.stdout.buffer.flush()
        return
    sys.stdout.write(ask_machine(chosen(name), "history", bytes=size).replace("\r\n", "\n"))
