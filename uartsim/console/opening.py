"""From a guest's name to a console: the machine, its line, and a client on it."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Unpack

import trio

from uartsim.access.hub import Hub
from uartsim.console.console import SETTLE_S, Console
from uartsim.console.options import LineOptions, check_options, line_policy, with_registers
from uartsim.console.problem_catalogue import Source
from uartsim.guest.build import make_guest
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.line_format import UsageError, seconds_to_ticks
from uartsim.machine import Machine, open_machine
from uartsim.machine.ticker import is_virtual
from uartsim.own_files.outputs import check_distinct
from uartsim.record import TranscriptWriter

_CLOCKS: Final = ("real", "virtual")


def open_console(
    guest: str | Path | GuestDefinition = "demo",
    *,
    settings: Mapping[str, Any] | None = None,
    timeout: float | None = 30.0,
    timeout_scale: float = 1.0,
    problems: Source | Sequence[Source] | None = None,
    allow: Iterable[str] = (),
    name: str | None = None,
    clock: str | None = None,
    log: Callable[[str], None] | None = None,
    **options: Unpack[LineOptions],
) -> AbstractAsyncContextManager[Console]:
    """Start a machine of its own for this block, and hold its console from the first byte.

    Leaving the block switches the machine off.  Time is trio's: under a virtual clock, such as
    ``trio.testing.MockClock``, a guest that is a script lives in virtual time, and any other is refused.

    Args:
        guest: a guest of the catalogue, the path of a guest's folder, or a definition.
        settings: what is to differ from the guest's defaults.
        timeout: how long ``expect`` waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied with it.
        problems: what is a problem besides the package's own catalogue: files, or entries as mappings.
        allow: ids of problems that are none here, as ``linux.panic`` or ``linux.*``.
        name: what the machine is called in messages; by default the guest's name.
        clock: ``"real"`` or ``"virtual"``, to state which clock of trio's the caller relies on.
        log: gets lines about what takes long, such as an image being built.
        options: what the machine and its line are like, by the names of ``uartsim run``: ``uart``, ``strict_line``,
            ``rate``, ``flow``, ``fault``, ``record``, ``trace``, ``vcd``, ``registers``, ``restore``, ``line_policy``; see
            :class:`uartsim.console.options.LineOptions`.

    Raises:
        TypeError: there is no such option; the message has the nearest name.
        UsageError: no such guest or setting, something that it needs is missing, or the clock is virtual and the guest
            a process or QEMU.
        UartsimError: the guest could not be started.
    """
    __tracebackhide__ = True
    check_options("open_console()", options)
    if clock is not None and clock not in _CLOCKS:
        raise UsageError(f"clock is {clock!r}: use 'real' or 'virtual'")
    return _opened(guest, settings, name, clock, log, options, timeout, timeout_scale, problems, allow)


@asynccontextmanager
async def _opened(
    guest: str | Path | GuestDefinition,
    settings: Mapping[str, Any] | None,
    name: str | None,
    clock: str | None,
    log: Callable[[str], None] | None,
    options: LineOptions,
    timeout: float | None,  # noqa: ASYNC109 - as above
    timeout_scale: float,
    problems: Source | Sequence[Source] | None,
    allow: Iterable[str],
) -> AsyncIterator[Console]:
    _check_clock(clock)
    definition = guest if isinstance(guest, GuestDefinition) else find_guest(str(guest))
    if settings:
        definition = definition.with_settings({key: str(value) for key, value in settings.items()})
    port = options.copy()
    definition = with_registers(definition, port.pop("registers", None))
    policy = line_policy(port.pop("line_policy", "refuse"))
    restore, record = port.pop("restore", None), port.pop("record", None)
    definition.check_needs()
    port["uart"] = port.get("uart") or definition.uart
    paths = {"record": record, "trace": port.get("trace"), "vcd": port.get("vcd")}
    check_distinct({what: path for what, path in paths.items() if path is not None})
    hubs: list[Hub] = []
    started: list[Machine] = []

    def prepare(machine: Machine) -> None:  # before power: not a byte is missed
        com1 = machine.com1
        # a pause of the guest must be told from the wait for the next portion of what it sends
        com1.quantum_ticks = min(com1.quantum_ticks, seconds_to_ticks(SETTLE_S / 4))
        hub = Hub(com1, policy=policy)
        hubs.append(hub)
        if record is not None:
            start = com1.clock.now()
            hub.record = TranscriptWriter(os.fspath(record), machine.name, "as the guest programs it", start)

    async with (
        _recorded(hubs, started, log),
        open_machine(
            make_guest(definition, restore=None if restore is None else Path(restore)),
            name or definition.name,
            log=log,
            prepare=prepare,
            **port,  # type: ignore[misc]  # what is left in it are a port's
        ) as machine,
    ):
        started.append(machine)
        console = Console(
            hubs[0].attach("console", start=0),
            machine,
            timeout=timeout,
            timeout_scale=timeout_scale,
            problems=problems,
            allow=allow,
        )
        async with _followed(console, machine, hubs[0]):
            yield console


@asynccontextmanager
async def _followed(console: Console, machine: Machine, hub: Hub) -> AsyncIterator[None]:
    """A console that takes in what the guest sends; closed at the end."""
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(console.follow)
            nursery.start_soon(_close_after_the_last_byte, machine, hub)
            try:
                yield
            except BaseException as error:
                failure = error  # raised below, so that the nursery does not wrap it
            nursery.cancel_scope.cancel()
    finally:
        console.close()
    if failure is not None:
        raise failure


def _check_clock(clock: str | None) -> None:
    """Raises UsageError where the caller relies on another clock than trio has."""
    if clock is not None and (clock == "virtual") is not is_virtual():
        raise UsageError(
            f"clock is {clock!r} and trio's is not: in async code it is the clock that trio.run() was given, such as "
            "trio.testing.MockClock(autojump_threshold=0)"
        )


@asynccontextmanager
async def _recorded(hubs: list[Hub], started: list[Machine], log: Callable[[str], None] | None) -> AsyncIterator[None]:
    """Close the record; say what it and the other recordings lack; leave none of a machine that did not start."""
    try:
        yield
    finally:
        states = [(what, state) for machine in started for what, state in machine.com1.recordings().items()]
        for record in [hub.record for hub in hubs if hub.record is not None]:
            if started:
                record.close()
            else:
                record.discard()
            states.append(("record", record.status()))
        for what, state in states:
            if started and state["trouble"]:
                text = f"the {what} {state['path']} is not whole: {state['trouble']}"
                if log is not None:
                    log(text)
                else:
                    warnings.warn(text, RuntimeWarning, stacklevel=2)


async def _close_after_the_last_byte(machine: Machine, hub: Hub) -> None:
    """When the guest has ended, close the hub: as soon as the line has carried what was still in the chip."""
    await machine.wait_ended()
    with trio.move_on_after(1):
        await hub.drain(())
    hub.close()
