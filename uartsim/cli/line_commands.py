"""The commands for the line of a running machine: breaks, SysRq, modem lines, faults."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from uartsim.cli.ask_machine import ask_machine, chosen, machine_and_word
from uartsim.cli.completion_values import complete_machine, complete_machine_and_fault, complete_machine_and_key
from uartsim.cli.help_text import described
from uartsim.errors import UsageError


@described("Send a break.", "uartsim break demo --seconds 0.5")
@click.command("break")
@click.argument("name", required=False, shell_complete=complete_machine)
@click.option("--seconds", type=float, default=0.25, show_default=True, help="How long the line is held at space.")
def send_break(name: str | None, seconds: float) -> None:
    """Send a break to machine NAME, or to the only one that runs."""
    ask_machine(chosen(name), "break", 90, seconds=seconds)


@described("Send SysRq keys, and print the answer.", "uartsim sysrq h demo")
@click.command()
@click.argument("words", nargs=-1, metavar="KEY [NAME]", shell_complete=complete_machine_and_key)
def sysrq(words: tuple[str, ...]) -> None:
    """Send SysRq KEY to machine NAME, or to the only one that runs: a break, then the key; prints what the guest answers.

    Several letters are a sequence: each gets a break of its own. The name may stand before the key as well.
    """
    name, keys = machine_and_word(words, "KEY")
    text = ask_machine(name, "sysrq", 90, keys=keys)
    answer = text.replace("\r\n", "\n").strip("\n")
    click.echo(answer or f"{name} said nothing to it within a second", err=not answer)


@described("Drive and print the modem lines.", "uartsim modem demo --no-dtr")
@click.command()
@click.argument("name", required=False, shell_complete=complete_machine)
@click.option("--dtr/--no-dtr", default=None, help="DTR of this end: the guest sees it as DSR and DCD (carrier).")
@click.option("--rts/--no-rts", default=None, help="RTS of this end: the guest sees it as CTS.")
def modem(name: str | None, dtr: bool | None, rts: bool | None) -> None:
    """Drive this end's modem lines of machine NAME, or of the only one that runs, and print all of them.

    A guest whose terminal has CLOCAL set, as on a Linux console and with agetty's -L, ignores a lost carrier.
    """
    lines = ask_machine(chosen(name), "modem", dtr=dtr, rts=rts)
    click.echo(" ".join(line.upper() if on else line for line, on in lines.items()))


@described("Make something go wrong with the line.", "uartsim fault demo noise:rate=1e-3,seed=7")
@click.command()
@click.argument("words", nargs=-1, metavar="[NAME] [FAULT]", shell_complete=complete_machine_and_fault)
@click.option("--clear", is_flag=True, help="End FAULT (its name is enough), or all faults.")
@click.option("--reset", is_flag=True, help="Reset the counters of faults to 0.")
@click.option("--list", "list_kinds", is_flag=True, help="List the kinds of faults.")
def fault(words: tuple[str, ...], clear: bool, reset: bool, list_kinds: bool) -> None:
    """Make something go wrong with the line of machine NAME, or of the only one: FAULT is KIND or KIND:name=value,...

    \b
      uartsim fault demo noise:rate=1e-3,seed=7,direction=out
      uartsim fault demo dcd-drop:seconds=2
      uartsim fault demo                     the faults at work, and their counters
      uartsim fault demo noise --clear
      uartsim fault demo --reset             reset the counters to 0

    What the guest sends is recorded, kept and shown to watchers as it was sent; clients of the line get what the faults make
    of it.
    """
    if list_kinds:
        if words or clear or reset:
            raise UsageError("--list says which faults there are, for every machine: leave the rest out")
        _list_faults()
        return
    name, fault_text = _machine_and_fault(words)
    kind = (fault_text or "").partition(":")[0]
    if clear:
        if reset:
            raise UsageError("--clear and --reset: --clear ends faults, --reset counts from 0 on; give one of them")
        ended = ask_machine(name, "clear_faults", kind=kind or None)
        if kind and not ended:
            raise UsageError(f"{kind} is not at work: 'uartsim fault {name}' shows which faults are")
        click.echo(f"{ended} ended" if ended else "no fault was at work")
        return
    found = ask_machine(name, "fault", fault=fault_text, reset=reset)
    if kind.strip() == "xoff":
        click.echo("xoff: sent")
    for line in _fault_lines(found):
        click.echo(line)


def _fault_lines(found: dict[str, Any]) -> Iterator[str]:
    """The faults at work, and what faults have done; those that are over come last."""
    yield from found["faults"] or ["no fault is at work"]
    at_work = {text.partition(":")[0] for text in found["faults"]}
    lines = [
        (kind not in at_work, direction, kind, ", ".join(f"{count} {what}" for what, count in counters.items()))
        for direction, kinds in found["counters"].items()
        for kind, counters in kinds.items()
    ]
    for over, direction, kind, counted in sorted(lines, key=lambda line: line[0]):
        yield f"  {direction:<3} {kind}: {counted}{' (over)' * (over and kind != 'xoff')}"


def _machine_and_fault(words: tuple[str, ...]) -> tuple[str, str | None]:
    from uartsim.access.runtime_folder import running_machines
    from uartsim.wire.faults import FAULT_KINDS

    if not words:
        return chosen(None), None
    if len(words) == 1:
        is_fault = words[0].partition(":")[0].strip() in FAULT_KINDS and words[0] not in running_machines()
        return (chosen(None), words[0]) if is_fault else (words[0], None)
    return machine_and_word((words[1], words[0], *words[2:]), "FAULT")


def _list_faults() -> None:
    from uartsim.wire.faults import FAULT_KINDS

    for kind in FAULT_KINDS.values():
        click.echo(f"{kind.name:<12} {kind.help}")
        for parameter in kind.parameters:
            default = "" if parameter.default is None else f"  [default: {parameter.default:g}]"
            unit = f", {parameter.unit}" if parameter.unit else ""
            click.echo(f"{'':<12}   {parameter.name}: {parameter.help}{unit}{default}")
        if kind.seeded:
            click.echo(f"{'':<12}   seed: of the random numbers  [default: 0]")
    click.echo("every fault takes direction=in (to the guest), out or both  [default: both]")
