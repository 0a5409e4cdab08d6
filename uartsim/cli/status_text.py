"""What ``uartsim status`` and ``uartsim list`` print of a machine's status, and a recording in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def status_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The lines that ``uartsim status`` prints.

    Args:
        facts: :meth:`uartsim.access.machine_server.MachineServer.status`.
    """
    yield f"machine    {facts['name']} ({facts['kind']}), {facts['state']}, up {facts['up_s']:.0f} s"
    yield f"guest      {facts['description']}"
    yield from _ptys(facts)
    yield from _clients(facts["hub"])
    yield from _line(facts)
    yield from _chip(facts["com1"])
    yield f"kept       {facts['hub']['scrollback_bytes']} bytes of {facts['hub']['bytes_from_guest']}"
    for record in facts["records"]:
        yield f"{'record':<10} {recording_state(record)}"
    for what in ("trace", "vcd"):
        if facts[what] is not None:
            yield f"{what:<10} {recording_state(facts[what])}"


def _ptys(facts: Mapping[str, Any]) -> Iterator[str]:
    pty = facts["pty"]
    yield f"pty        {pty['path']}, opened by {pty['opened']}, at {pty['baud']} baud"
    yield f"link       {facts['link']}"
    for shared in (pty, *facts["more_ptys"]):
        if shared["shared_by"]:
            yield f"shared     {shared['path']} is read by {', '.join(shared['shared_by'])}: each byte reaches one"
    for more in facts["more_ptys"]:
        yield (
            f"pty {more['number']:<6} {more['path']}, opened by {more['opened']}, at {more['baud']} baud"
            f"{', only watches' * more['watch']}, link {more['link']}"
        )


def _clients(hub: Mapping[str, Any]) -> Iterator[str]:
    watching = [client["who"] for client in hub["clients"] if client["watch"] and client["present"]]
    yield f"held by    {hub['writer'] or 'nobody'} (policy {hub['policy']})"
    yield f"watching   {', '.join(watching) or 'nobody'}"


def _line(facts: Mapping[str, Any]) -> Iterator[str]:
    com1, guest, hub = facts["com1"], facts["guest"], facts["hub"]
    modem = " ".join(line_name.upper() if on else line_name for line_name, on in com1["modem"].items())
    yield f"line       {com1['format']} (divisor {com1['divisor']}), {modem} (upper case: active)"
    yield from _served(guest)
    yield from _elsewhere(guest)
    if "carrier" in guest:
        yield f"carrier    {guest['carrier']}"
    for difference in hub["formats_differ"]:
        label = "garbled" if difference in hub["formats_garble"] else "differ"
        yield f"{label:<10} {difference}"
    for fault in com1["faults"]:
        yield f"fault      {fault}"
    line = com1["line"]
    yield (
        f"carried    {line['bytes_out']} bytes out, {line['bytes_in']} in; breaks {line['breaks_out']} out, "
        f"{line['breaks_in']} in; errors {line['errors_out']} out, {line['errors_in']} in; "
        f"withheld {line['withheld']}; lost: {com1['lost']}"
    )


def _served(guest: Mapping[str, Any]) -> Iterator[str]:
    """How a guest in QEMU reaches the chip."""
    if guest.get("served") == "registers":
        yield (
            f"registers  served one by one: {guest['reads_leased']} reads answered inside QEMU, {guest['reads_waited']} "
            f"waited for us; {guest['writes_posted']} writes posted, {guest['writes_waited']} waited"
        )
    elif guest.get("served") == "bytes":
        yield "registers  not served: QEMU's own UART is the guest's, and its bytes go through a driver of ours"
    for there, here in guest.get("forwards", {}).items():
        yield f"forward    port {there} of the guest is port {here} of 127.0.0.1"


def _elsewhere(guest: Mapping[str, Any]) -> Iterator[str]:
    """A guest that runs elsewhere: whether it is reached, and what of it our line cannot carry."""
    if "at" not in guest:
        return
    missing = ", ".join(f"{count} {what}" for what, count in guest["not_carried"].items())
    now = "connected" if guest["connected"] else "not there"
    yield f"elsewhere  {guest['at']}: {now}, reached {guest['connections']} times; not carried: {missing or 'nothing'}"
    if "modem" in guest:
        lines = " ".join(name.upper() if on else name for name, on in guest["modem"].items())
        yield f"its lines  {lines} (upper case: active)"
    if "port" in guest:
        yield f"its port   {', '.join(f'{name} {count}' for name, count in guest['port'].items())}".replace("_", " ")


def _chip(com1: Mapping[str, Any]) -> Iterator[str]:
    registers = " ".join(f"{register}={value:02X}" for register, value in com1["registers"].items())
    yield f"chip       {com1['uart']} {registers}"
    for way, counts in com1["accesses"].items():
        counted = " ".join(f"{register} {count}" for register, count in counts.items() if count)
        yield f"{way + 's':<10} {counted or 'none'}"


def list_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The lines that ``uartsim list`` prints for one machine.

    Args:
        facts: its status; or only its name, and for a state why it has not answered.
    """
    pty = facts.get("pty", {}).get("path", "-")
    holder = facts.get("hub", {}).get("writer")
    held = f", held by {holder}" if holder else ""
    yield f"{facts['name']:<16} {facts.get('kind', '-'):<8} {pty:<12} {facts['state']}{held}"
    for more in facts.get("more_ptys", []):
        yield f"{'':<16} {'':<8} {more['path']:<12} {more['link']}{', only watches' * more['watch']}"


def recording_state(recording: Mapping[str, Any]) -> str:
    """A recording, and what it lacks, in words.

    Args:
        recording: the status of a record, a trace or a waveform.
    """
    if not recording["trouble"]:
        return str(recording["path"])
    if "lost_events" in recording:
        return f"{recording['path']} lacks {recording['lost_events']} events: {recording['trouble']}"
    return (
        f"{recording['path']} lacks {recording['lost_bytes']} bytes of the line and "
        f"{recording['lost_breaks_and_marks']} breaks or marks: {recording['trouble']}"
    )
