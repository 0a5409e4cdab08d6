"""The command ``run``: from its arguments to a guest that runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from uartsim.cli.completion_values import RUN_COMPLETERS, complete_guest
from uartsim.cli.foreground_run import ForegroundRun, LineSettings, exit_status
from uartsim.cli.help_text import described
from uartsim.cli.option_types import GUEST_DEFAULTS, Seconds, size_in_bytes
from uartsim.cli.run_options import RUN_OPTIONS, VIRTUAL_SECONDS, RunOption
from uartsim.cli.run_records import RecordSettings
from uartsim.errors import UsageError

if TYPE_CHECKING:
    from uartsim.access.endpoints import Endpoints
    from uartsim.guest.catalogue import GuestDefinition
    from uartsim.machine.port_options import PortOptions
    from uartsim.scenarios import StagedGuest
    from uartsim.scenarios.scenario import Start

#: What click gives for options of the line that the user has not given.
_DEFAULTS: Final = {
    option.names.removeprefix("--"): option.default for option in RUN_OPTIONS if option.default is not None
}

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _not_empty(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse an empty value, which a script's variable without a value leaves behind."""
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise UsageError(f"{parameter.opts[0]} '' is empty: give a value, or leave the option out")
    return value


def _with_guest_defaults(context: click.Context, parameter: click.Parameter, guest: str) -> str:
    """Put the defaults that the configuration file has for this guest over those for all."""
    own = context.meta.get(GUEST_DEFAULTS, {}).get(guest)
    if own:
        context.default_map = {**(context.default_map or {}), **own}
    return guest


def _click_option(option: RunOption) -> Callable[[_Command], _Command]:
    types: dict[str, Any] = {
        "text": str,
        "path": click.Path(),
        "choice": click.Choice(option.choices, case_sensitive=not option.any_case),
        "seconds": Seconds(positive=True),
        "count": click.IntRange(min=1),
    }
    given: dict[str, Any] = {"help": option.help_text, "default": option.default}
    if option.takes == "nothing":
        given["is_flag"] = True
        given["default"] = None if "/" in option.names else False  # a pair of flags may be left open
    else:
        given |= {"type": types[option.takes], "metavar": option.metavar, "multiple": option.repeatable}
    if option.completed_by is not None:
        given["shell_complete"] = RUN_COMPLETERS[option.completed_by]
    if option.takes in ("text", "path"):
        given["callback"] = _not_empty
    names = [option.names] if option.parameter is None else [option.names, option.parameter]
    return click.option(*names, show_default=option.default is not None, **given)


def _run_options(command: _Command) -> _Command:
    for option in reversed(RUN_OPTIONS):
        command = _click_option(option)(command)
    return command


@described(
    "Run a guest, a machine with its COM1.",
    "uartsim run demo",
    "uartsim run debian-12 --scenario broken-fstab --memory 2048",
    "uartsim run ./disk.qcow2 --no-attach",
)
@click.command()
@click.argument("guest", default="demo", shell_complete=complete_guest, is_eager=True, callback=_with_guest_defaults)
@_run_options
@click.pass_obj
def run(
    early: Endpoints | None,
    /,
    guest: str,
    name: str | None,
    link: str | None,
    settings: tuple[str, ...],
    scenario: tuple[str, ...],
    registers: bool | None,
    restore: str | None,
    no_attach: bool,
    clock: str,
    limit_s: float | None,
    line_policy: str,
    **port: Any,
) -> None:
    """Run GUEST, a machine with its COM1.

    GUEST is a name from the catalogue (see 'uartsim guests'), the path of a guest's folder, the path of a disk image or the
    name of one in the store (see 'uartsim images'), or where the serial port of a machine elsewhere is: unix:PATH,
    tcp:HOST:PORT, telnet:HOST:PORT, pty:PATH, /dev/ttyUSB0.
    """
    from pathlib import Path

    from uartsim.access.endpoints import open_endpoints
    from uartsim.guest.make_guest import make_guest

    definition = _definition(guest, settings, registers)
    plan = _staged(definition, scenario, port, restore, clock) if scenario else None
    definition = _changed(definition if plan is None else plan.definition, port)
    line = _line_settings(definition, line_policy, _record_settings(port), port)
    begin = () if plan is None else plan.begin
    _check_clock(clock, restore=restore, link=link, policy=line_policy, limit_s=limit_s)
    line.check_outputs()
    if plan is not None and plan.start != "boot":
        open_endpoints(name or definition.name, link).release()  # a name that is taken is told before the boot
        definition, restore = _started_at(plan.start, definition)
    made = make_guest(definition, restore=None if restore is None else Path(restore))
    if clock == "virtual":
        from uartsim.cli.virtual_run import run_virtually

        run_virtually(made, name or definition.name, line, VIRTUAL_SECONDS if limit_s is None else limit_s)
        return
    attach = not no_attach and sys.stdin.isatty() and sys.stdout.isatty()
    endpoints = early if early is not None else open_endpoints(name or definition.name, link)
    try:
        foreground = ForegroundRun(definition, made, endpoints, line, attach=attach, begin=begin, scenarios=scenario)
        end = foreground.run()
    finally:
        endpoints.release()
    from uartsim.access.log import write_last_line

    if end is None or end.reason == "stopped":
        write_last_line(f"{endpoints.folder.name}: stopped")
    else:
        write_last_line(f"{endpoints.folder.name}: {end}")
    if status := exit_status(end, incomplete=foreground.incomplete):
        sys.exit(status)


def _definition(guest: str, settings: tuple[str, ...], registers: bool | None) -> GuestDefinition:
    from uartsim.guest.catalogue import find_guest

    definition = find_guest(guest).with_settings(_pairs(settings))
    if registers is not None:
        definition = definition.with_registers("require" if registers else "off")
    definition.check_needs()
    return definition


def _changed(definition: GuestDefinition, options: dict[str, Any]) -> GuestDefinition:
    """The guest with the options of its machine and its disk, which are taken out of ``options``."""
    machine = {
        name: options.pop(name) for name in ("firmware", "disk", "writable", "memory", "cores", "net", "forward")
    }
    before = {name: options.pop(name) for name in ("edit", "grub", "seed")}
    if any(machine.values()):
        from uartsim.guest.own_disk import with_machine

        definition = with_machine(definition, **machine)
    if any(value not in (None, ()) for value in before.values()):
        from uartsim.guest.before_boot import with_before_boot

        definition = with_before_boot(definition, **before)
    return definition


def _staged(
    definition: GuestDefinition, names: tuple[str, ...], options: dict[str, Any], restore: str | None, clock: str
) -> StagedGuest:
    """The guest in these scenarios, whose options are put beside the user's.

    Raises:
        UsageError: a scenario is unknown, does not fit, or does not go with another option.
    """
    from uartsim.scenarios import check_beside, check_goes_with, staged

    check_goes_with(restore=restore, writable=options["writable"])
    plan = staged(definition, names)
    check_beside(names, options)
    if clock == "virtual" and (plan.begin or plan.start != "boot"):
        raise UsageError(f"--scenario {names[0]} with --clock virtual: it needs real time; leave --clock out")
    for name, value in plan.options.items():
        if name == "fault":
            options[name] = (*value, *options[name])
        elif options.get(name) in (None, (), _DEFAULTS.get(name)):  # not given by the user
            options[name] = value
    return plan


def _started_at(start: Start, definition: GuestDefinition) -> tuple[GuestDefinition, str]:
    """See :func:`uartsim.cli.scenario_start.start_at`."""
    from uartsim.cli.scenario_start import start_at

    return start_at(start, definition)


def _record_settings(options: dict[str, Any]) -> RecordSettings:
    """The records, whose options are taken out of ``options``."""
    paths, kind, limit, transcript = (
        options.pop(name) for name in ("records", "record_format", "record_limit", "transcript")
    )
    return RecordSettings(paths, kind, size_in_bytes("--record-limit", limit), transcript)


def _line_settings(
    definition: GuestDefinition, policy: str, records: RecordSettings, port: dict[str, Any]
) -> LineSettings:
    from uartsim.machine.port_options import read_fault

    options = {**port, "uart": port["uart"] or definition.uart, "fault": [read_fault(text) for text in port["fault"]]}
    return LineSettings(cast("PortOptions", options), policy, records)


def _check_clock(clock: str, *, restore: str | None, link: str | None, policy: str, limit_s: float | None) -> None:
    """Raise UsageError for an option that does not go with the clock."""
    if clock == "virtual":
        if restore is not None:
            raise UsageError("--restore with --clock virtual: a snapshot lives in real time; leave one of them out")
        if link is not None:
            raise UsageError("--link with --clock virtual: in virtual time there is no pty; leave one of them out")
        if policy != "refuse":
            raise UsageError(
                f"--line-policy {policy} with --clock virtual: in virtual time nobody can attach; leave one of them out"
            )
    elif limit_s is not None:
        raise UsageError("--for without --clock virtual: in real time a machine runs until 'uartsim stop' or Ctrl-C")


def _pairs(settings: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {setting}: write it as KEY=VALUE, such as --set grub_timeout=0")
        pairs[key] = value
    return pairs
