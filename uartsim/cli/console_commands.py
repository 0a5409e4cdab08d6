"""The commands for the consoles of a service that speaks Azure's protocol, such as ``uartsim serve`` or Azure itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from uartsim.cli.console_service import (
    MachineOptions,
    ServiceOptions,
    machine_of,
    machine_options,
    management_of,
    require_libraries,
    service_options,
    subscription_of,
)
from uartsim.cli.help_text import CommandGroup, described
from uartsim.errors import UsageError

if TYPE_CHECKING:
    from uartsim.azure_client.machine_checks import MachineState


@described("Use the serial consoles of such a service.", "uartsim console connect vm1 -g group1 --user me@example.com")
@click.group(cls=CommandGroup)
def console() -> None:
    """Use the serial consoles of a service: 'uartsim serve', or any other that speaks Azure's protocol.

    Without --endpoint it is the 'uartsim serve' that runs. Exit status: 1 a condition for the console is not met, 2 wrong
    usage, 3 the service refuses or cannot be reached.
    """


@described(
    "Connect this terminal to a machine's console.", "uartsim console connect vm1 -g group1 --user me@example.com"
)
@console.command()
@machine_options
@service_options
@click.option(
    "--wait",
    type=click.FloatRange(0, 86400),
    default=None,
    metavar="SECONDS",
    help="Without a terminal: how long to print after the end of the input.  [default: 5]",
)
@click.option("--watch", is_flag=True, help="Only watch, and leave the console to its user ('uartsim serve' only).")
@click.option(
    "--replay",
    type=click.IntRange(0, 10**12 - 1),
    metavar="BYTES",
    help="How much of the past to show; else all that is kept ('uartsim serve' only).",
)
def connect(
    chosen: MachineOptions, service: ServiceOptions, wait: float | None, watch: bool, replay: int | None
) -> None:
    """Connect this terminal to the serial console of machine NAME; NAME may be its whole id.

    Ctrl-] opens a menu; Ctrl-] q leaves. If standard input is not a terminal, it is sent to the guest, and what the guest
    sends is printed.
    """
    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    if sys.stdin.isatty() and not is_terminal:
        raise UsageError(
            "connect needs a terminal for input and output, or an input that is not a terminal, such as a pipe"
        )
    if wait is not None and is_terminal:
        raise UsageError("--wait is for an input that is not a terminal: leave it out")
    beyond = {"watch": "1"} if watch else {}
    if replay is not None:
        beyond["replay"] = str(replay)
    _run(lambda: _connect(chosen, service, beyond, is_terminal=is_terminal, wait_s=wait))


async def _connect(
    chosen: MachineOptions, service: ServiceOptions, beyond: dict[str, str], *, is_terminal: bool, wait_s: float | None
) -> int:
    import trio

    from uartsim.azure_client.console_connection import ConsoleConnection, open_console_connection
    from uartsim.azure_client.console_pipe import WAIT_S, ConsolePipe
    from uartsim.azure_client.console_terminal import ConsoleTerminal
    from uartsim.azure_client.machine_checks import check

    say: Callable[[str], object] = _warn
    async with management_of(service, lambda text: say(text)) as management, trio.open_nursery() as nursery:
        machine = await machine_of(management, service, chosen)
        state = await check(management, machine)
        if is_terminal:
            _greet(state)
        click.echo(f"Connecting to console of VM {machine}", err=True)

        async def open_console() -> ConsoleConnection:
            return await open_console_connection(nursery, management, machine, beyond)

        connection = await open_console()
        status = 0
        if is_terminal:
            terminal = ConsoleTerminal(open_console, 0, 1, name=str(machine), is_windows=state.is_windows)
            say = terminal.say
            await terminal.run(connection)
            status = terminal.status
        else:
            pipe = ConsolePipe(lambda: os.read(0, 65536), _writer(), WAIT_S if wait_s is None else wait_s)
            await pipe.run(connection)
        nursery.cancel_scope.cancel()
    return status


def _greet(state: MachineState) -> None:
    """The real client's banner."""
    if state.is_windows:
        click.secho(
            "Windows Serial Console requires Special Administration Console (SAC) to be enabled within the Windows VM.\n"
            "If you do not see SAC> in the console below after the connection is made, SAC is not enabled.",
            err=True,
        )
    system = "windows" if state.is_windows else "linux"
    click.echo(
        f"For more information on the Azure Serial Console, see <https://aka.ms/serialconsole{system}>.", err=True
    )


@described("Send an NMI, a reset or SysRq.", "uartsim console send sysrq vm1 -g group1 --input h")
@console.command()
@click.argument("command", type=click.Choice(["nmi", "reset", "sysrq"]))
@machine_options
@service_options
@click.option("--input", "keys", metavar="KEYS", help="For sysrq: the key, or several as a sequence.")
def send(command: str, chosen: MachineOptions, service: ServiceOptions, keys: str | None) -> None:
    """Send an NMI, a hard reset or SysRq to machine NAME, without taking its console from whoever works there."""
    if (keys is None) == (command == "sysrq"):
        raise UsageError(
            "sysrq needs a key: --input KEYS, such as --input h"
            if keys is None
            else "--input is for sysrq: leave it out"
        )

    async def whole() -> int:
        from uartsim.azure_client.send_command import send_admin_command

        async with management_of(service, _warn) as management:
            machine = await machine_of(management, service, chosen)
            click.echo(await send_admin_command(management, machine, command, keys or ""))
        return 0

    _run(whole)


@described("Enable the serial console for a subscription.", "uartsim console enable --user owner@example.com")
@console.command()
@service_options
def enable(service: ServiceOptions) -> None:
    """Enable the serial console for a subscription."""
    _run(lambda: _switch(service, "enable"))


@described("Disable the serial console for a subscription.", "uartsim console disable --user owner@example.com")
@console.command()
@service_options
def disable(service: ServiceOptions) -> None:
    """Disable the serial console for a subscription: open consoles are closed."""
    _run(lambda: _switch(service, "disable"))


async def _switch(service: ServiceOptions, action: str) -> int:
    from uartsim.azure_client.machine_checks import switch_console

    async with management_of(service, _warn) as management:
        subscription = await subscription_of(management, service)
        is_disabled = await switch_console(management, subscription, action)
        click.echo(f"the serial console of subscription {subscription} is {'disabled' if is_disabled else 'enabled'}")
    return 0


@described("Print a machine's serial log.", "uartsim console log vm1 -g group1 --follow")
@console.command()
@machine_options
@service_options
@click.option("--follow", is_flag=True, help="Go on printing what is logged, until Ctrl-C.")
def log(chosen: MachineOptions, service: ServiceOptions, follow: bool) -> None:
    """Print the serial log that boot diagnostics keep of machine NAME.

    On a terminal controls are shown as pictures, so that it obeys none; a file or a pipe gets the bytes as they are.
    """

    if service.api_version:
        raise UsageError("--api-version is that of Microsoft.SerialConsole, which the log does not need: leave it out")

    async def whole() -> int:
        from uartsim.azure_client.machine_log import BootLog

        async with management_of(service, _warn) as management:
            machine = await machine_of(management, service, chosen)
            boot_log, write = BootLog(management, machine), _writer()
            if follow:
                await boot_log.follow(write, _warn)
            else:
                write(await boot_log.read())
        return 0

    from uartsim.standard_streams import reader_may_leave

    with reader_may_leave():
        _run(whole)


@described("Save what is on a machine's display.", "uartsim console screenshot vm1 -g group1 -o vm1.png")
@console.command()
@machine_options
@service_options
@click.option("-o", "--output", required=True, metavar="FILE", type=click.Path(), help="The file to make, a PNG.")
@click.option("--force", is_flag=True, help="Replace FILE if it is a PNG already.")
def screenshot(chosen: MachineOptions, service: ServiceOptions, output: str, force: bool) -> None:
    """Save what is on the display of machine NAME as a picture ('uartsim serve' only)."""
    if service.api_version:
        raise UsageError("--api-version is that of Microsoft.SerialConsole, which a screenshot does not need")
    if not output.strip("\0"):
        raise UsageError("--output is empty: give the path of a file")
    from uartsim.own_files.outputs import check_outputs

    if not force:
        check_outputs({"screenshot": output})

    async def whole() -> int:
        from uartsim.azure_client.machine_screenshot import take_screenshot

        async with management_of(service, _warn) as management:
            picture = await take_screenshot(management, await machine_of(management, service, chosen))
        _save_picture(output, picture, force=force)
        return 0

    _run(whole)


def _save_picture(path: str, picture: bytes, *, force: bool) -> None:
    from uartsim.azure_client.machine_screenshot import PNG_SIGNATURE
    from uartsim.own_files.outputs import replace_output

    def may_go(content: bytes) -> bool:
        return force and content.startswith(PNG_SIGNATURE)

    replace_output(path, "screenshot", may_go, lambda file: file.write(picture))


@described("Make the service fail on purpose.", "uartsim console faults drop_socket=1")
@console.command()
@click.argument("switches", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--clear", is_flag=True, help="Switch all others off.")
@service_options
def faults(switches: tuple[str, ...], service: ServiceOptions, clear: bool) -> None:
    """Make the service fail on purpose, or show what is on ('uartsim serve' only; it takes an owner).

    VALUE is on, off, how many times it happens, or of a delay how long, such as 2.5s or, three times, 2.5sx3. The names are
    internal_error, timeout, connect_delay, drop_socket, block_gateway and gateway_delay.
    """

    async def whole() -> int:
        from uartsim.azure_client.fault_switches import fault_lines, read_switches, switch_faults

        table = read_switches(switches)
        async with management_of(service, _warn) as management:
            for line in fault_lines(await switch_faults(management, table, clear=clear)):
                click.echo(line)
        return 0

    _run(whole)


def _warn(text: str) -> None:
    click.echo(f"uartsim: {text}", err=True)


def _writer() -> Callable[[bytes], None]:
    """Writes a guest's output: to a terminal as text that it does not obey, to anything else as it is."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(data: bytes) -> None:
        sys.stdout.write(decoder.decode(data).replace("\r\n", "\n").replace("\r", ""))
        sys.stdout.flush()

    def pass_on(data: bytes) -> None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    return show if sys.stdout.isatty() else pass_on


def _run(whole: Callable[[], Awaitable[int]]) -> None:
    """Run a command's coroutine and exit with its status; what goes wrong is a sentence."""
    require_libraries()
    import trio

    from uartsim.azure_client.client_errors import ConsoleError
    from uartsim.error_groups import first_error

    async def guarded() -> Any:
        return await whole()

    try:
        status = trio.run(guarded)
    except Exception as error:
        cause = first_error(error)
        if not isinstance(cause, ConsoleError):
            raise
        _warn(str(cause))
        status = cause.status
    if status:
        sys.exit(status)
