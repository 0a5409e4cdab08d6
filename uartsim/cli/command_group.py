"""The group of all commands; :mod:`uartsim.cli.entry` is what runs it."""

from __future__ import annotations

import os
import re
from typing import Any, Final

import click

from uartsim import __version__
from uartsim.cli.client_commands import attach, history, pty
from uartsim.cli.completion_command import completion
from uartsim.cli.config_command import config
from uartsim.cli.conform_command import conform
from uartsim.cli.console_commands import console
from uartsim.cli.guests_command import guests
from uartsim.cli.help_text import CommandGroup, described
from uartsim.cli.images_commands import images
from uartsim.cli.line_commands import fault, modem, send_break, sysrq
from uartsim.cli.machine_commands import list_machines, nmi, pause, reset, resume, status, stop
from uartsim.cli.option_types import ALL_DEFAULTS, GUEST_DEFAULTS
from uartsim.cli.playback_commands import export, replay
from uartsim.cli.problems_command import problems
from uartsim.cli.record_commands import records
from uartsim.cli.recording_commands import plot, trace
from uartsim.cli.run_command import run
from uartsim.cli.scenarios_command import scenarios
from uartsim.cli.serve_command import serve
from uartsim.cli.snapshot_command import save
from uartsim.errors import UartsimError, UsageError


class SentenceGroup(CommandGroup):
    """A group whose commands' errors are one sentence each; a mistake of the user's exits with 2, as click's own do."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was given; its options have the defaults of the configuration file."""
        # A completion reads no file, and a mistake in the file must not keep its script from a shell that starts.
        if not ctx.resilient_parsing and args[0] != "completion":
            self._read_defaults(ctx, wants_help=not {"-h", "--help"}.isdisjoint(args))
        return super().resolve_command(ctx, args)

    def _read_defaults(self, ctx: click.Context, *, wants_help: bool) -> None:
        from uartsim.cli.user_config import read_config

        try:
            if (file := read_config()) is not None:
                from uartsim.cli.option_defaults import default_map, option_defaults

                defaults = ctx.meta[ALL_DEFAULTS] = option_defaults(file, self)
                ctx.default_map, ctx.meta[GUEST_DEFAULTS] = default_map(defaults)
        except UsageError as error:
            if not wants_help:
                raise
            click.echo(f"uartsim: {error}", err=True)

    def _set_by_file(self, ctx: click.Context, message: str) -> str:
        """Where the configuration file sets an option that an error is about, to be appended; empty if it sets none."""
        about = [
            default
            for default in ctx.meta.get(ALL_DEFAULTS, ())
            if default.command[:1] == (ctx.invoked_subcommand,)
            and re.search(rf"['-]{re.escape(default.name)}(?![\w-])", message)
        ]
        return f"; {about[-1].place} sets {about[-1].name!r}" if about and about[-1].place not in message else ""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was given."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            click.echo(f"uartsim: {error}{self._set_by_file(ctx, str(error))}", err=True)
            ctx.exit(2)
        except UartsimError as error:
            click.echo(f"uartsim: {error}", err=True)
            ctx.exit(1)


@described("A virtual 16550A UART, its line and the machines behind it.", "uartsim run demo", "uartsim attach demo")
@click.group(cls=SentenceGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error (also: UARTSIM_DEBUG=1).")
def commands(debug: bool) -> None:
    """Serial consoles that you can test with real bytes.

    A guest's COM1 is a register-accurate 16550A; its line runs at 115200 baud and comes out as a pty.
    """
    if debug:
        os.environ["UARTSIM_DEBUG"] = "1"


#: Every command, by what a person wants to do.
TASKS: Final = {
    "Run a machine": (run, list_machines, status, stop, save),
    "Attach and type": (attach, pty, history),
    "Buttons and the line": (nmi, reset, pause, resume, send_break, sysrq, modem, fault),
    "Guests, scenarios and images": (guests, scenarios, images),
    "Records and traces": (records, replay, export, problems, trace, plot),
    "Conformance": (conform,),
    "The Azure serial console": (serve, console),
    "The command line itself": (config, completion),
}

for _command in (_each for _commands in TASKS.values() for _each in _commands):
    commands.add_command(_command)
commands.tasks = {title: [each.name or "" for each in of_task] for title, of_task in TASKS.items()}
