"""Opens a console: starts a guest's machine, and attaches a client to its line."""

from __future__ import annotations

import os
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Unpack

import trio

from uartsim.access.hub import Hub, LinePolicy
from uartsim.access.hub_client import HubClient
from uartsim.console.console import Console
from uartsim.console.console_options import (
    MACHINE_NAMES,
    LineOptions,
    RecordPaths,
    check_options,
    line_policy,
    with_registers,
)
from uartsim.console.console_state import ConsoleState
from uartsim.console.guest_output import SETTLE_S
from uartsim.console.login_dialogue import LOGIN
from uartsim.console.login_snapshots import BOOT_TIMEOUT_S, login_snapshot
from uartsim.console.option_checks import check_values
from uartsim.console.problems.problem_catalogue import Source
from uartsim.errors import UsageError
from uartsim.guest.before_boot import without_changes
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.make_guest import make_guest
from uartsim.line_format import seconds_to_ticks
from uartsim.machine import Machine, open_machine
from uartsim.machine.port_options import PortOptions
from uartsim.machine.ticker import is_virtual
from uartsim.own_files.outputs import check_distinct
from uartsim.record import LineRecorder, open_recorder
from uartsim.scenarios.begin_steps import BeginStep, Stage
from uartsim.scenarios.scenario import Start

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
    """Start a machine for this block, and return its console, which has all that the guest sends from the first byte on.

    Leaving the block switches the machine off.  Time is trio's: under a virtual clock, such as
    ``trio.testing.MockClock``, a guest that is a script runs in virtual time, and any other is refused.

    Args:
        guest: a guest of the catalogue, the path of a guest's folder or of a disk image, or a definition.
        settings: values that replace the defaults of the guest's settings.
        timeout: how long ``expect`` waits unless told otherwise, in seconds; None for ever.
        timeout_scale: all time-outs are multiplied by it.
        problems: additions to the package's catalogue of problems: files, or entries as mappings.
        allow: ids of problems to ignore, such as ``linux.panic`` or ``linux.*``.
        name: what the machine is called in messages; by default the guest's name.
        clock: ``"real"`` or ``"virtual"``, to state which clock of trio's the caller relies on.
        log: is called with lines about what takes long, such as building an image.
        options: those of the machine and its line, named as for ``uartsim run``: ``uart``, ``strict_line``,
            ``rate``, ``flow``, ``fault``, ``record``, ``trace``, ``vcd``, ``registers``, ``restore``, ``line_policy``,
            ``firmware``, ``disk``, ``writable``, ``memory``, ``cores``, ``net``, ``forward``, ``edit``, ``grub``, ``seed``,
            ``scenario``; see :class:`uartsim.console.console_options.LineOptions`.

    Raises:
        TypeError: an option is unknown; the message has the nearest name.
        UsageError: the guest or a setting is unknown, the value of an option is of a wrong kind, something that the guest
            needs is missing, or the clock is virtual and the guest a process or QEMU.
        UartsimError: the guest could not be started.
    """
    __tracebackhide__ = True
    check_options("open_console()", options)
    check_values(
        {
            "guest": guest,
            "settings": settings,
            "timeout": timeout,
            "timeout_scale": timeout_scale,
            "problems": problems,
            "allow": allow,
            "name": name,
            "clock": clock,
            "log": log,
            **options,
        }
    )
    if clock is not None and clock not in _CLOCKS:
        raise UsageError(f"clock is {clock!r}: use 'real' or 'virtual'")
    make_console = partial(Console, timeout=timeout, timeout_scale=timeout_scale, problems=problems, allow=allow)
    return _opened(partial(_plan, guest, settings, options), name, clock, log, make_console)


class _Plan(NamedTuple):
    """What is to be started.

    Attributes:
        definition: the guest, with its settings.
        restore: the folder of a snapshot from which it continues, or None.
        port: the options of its port.
        policy: what happens when another client wants to send.
        record: a file, or several, for every byte of the line, or None.
        start: ``"boot"``; or where it goes on from by a snapshot that is made if it is not kept yet.
        begin: what is done to the machine once it runs.
    """

    definition: GuestDefinition
    restore: Path | None
    port: PortOptions
    policy: LinePolicy
    record: RecordPaths | None
    start: Start = "boot"
    begin: tuple[BeginStep, ...] = ()


def _plan(guest: str | Path | GuestDefinition, settings: Mapping[str, Any] | None, options: LineOptions) -> _Plan:
    """Check what the caller asked for, and what the guest needs.

    Raises:
        UsageError: the guest, a setting or the value of an option is unknown, or something that the guest needs is missing.
    """
    definition = guest if isinstance(guest, GuestDefinition) else find_guest(str(guest))
    if settings:
        definition = definition.with_settings({key: str(value) for key, value in settings.items()})
    port = options.copy()
    begin: tuple[BeginStep, ...] = ()
    start: Start = "boot"
    if (scenario := port.pop("scenario", None)) is not None:
        from uartsim.scenarios import check_beside, check_goes_with, staged

        check_goes_with(restore=port.get("restore"), writable=port.get("writable"))
        definition, more, start, begin = staged(definition, scenario)
        check_beside(scenario, port)
        port = _beside(more, port)
    definition = with_registers(definition, port.pop("registers", None))
    machine = {name: port.pop(name, None) for name in MACHINE_NAMES}  # type: ignore[misc]
    if any(value is not None for value in machine.values()):
        from uartsim.guest.own_disk import with_machine

        definition = with_machine(definition, **machine)
    edit, grub, seed = port.pop("edit", None), port.pop("grub", None), port.pop("seed", None)
    if edit or grub or seed is not None:
        from uartsim.guest.before_boot import with_before_boot

        definition = with_before_boot(definition, edit=edit, grub=grub, seed=seed)
    policy = line_policy(port.pop("line_policy", "refuse"))
    restore, record = port.pop("restore", None), port.pop("record", None)
    definition.check_needs()
    port["uart"] = port.get("uart") or definition.uart
    records = [] if record is None else [record] if isinstance(record, (str, os.PathLike)) else list(record)
    paths = [*(("record", path) for path in records), ("trace", port.get("trace")), ("vcd", port.get("vcd"))]
    check_distinct([(what, path) for what, path in paths if path is not None])
    return _Plan(definition, None if restore is None else Path(restore), port, policy, records or None, start, begin)


def _beside(of_scenario: Mapping[str, Any], given: LineOptions) -> LineOptions:
    """The options of a scenario beside the caller's, which take precedence; but the line has the faults of both."""
    options: Any = {**of_scenario, **given}
    if "fault" in of_scenario and (own := given.get("fault")):
        options["fault"] = [*of_scenario["fault"], *(own if isinstance(own, (list, tuple)) else [own])]
    return options  # type: ignore[no-any-return]


@asynccontextmanager
async def _opened(
    make_plan: Callable[[], _Plan],
    name: str | None,
    clock: str | None,
    log: Callable[[str], None] | None,
    make_console: Callable[[HubClient, Machine], Console],
) -> AsyncIterator[Console]:
    _check_clock(clock)
    plan = make_plan()
    if plan.start != "boot":
        plan = plan._replace(
            restore=await started_at(plan.start, plan.definition, log), definition=without_changes(plan.definition)
        )
    hubs: list[Hub] = []
    started: list[Machine] = []

    def prepare(machine: Machine) -> None:  # before power-on, so that not a byte is missed
        com1 = machine.com1
        # output is delivered in portions: the time between two must not look like a pause of the guest
        com1.quantum_ticks = min(com1.quantum_ticks, seconds_to_ticks(SETTLE_S / 4))
        hub = Hub(com1, policy=plan.policy)
        hubs.append(hub)
        if plan.record is not None:
            hub.record = new_record(plan.record, machine)

    async with (
        _recorded(hubs, started, log),
        open_machine(
            make_guest(plan.definition, restore=plan.restore),
            name or plan.definition.name,
            log=log,
            prepare=prepare,
            **plan.port,
        ) as machine,
    ):
        started.append(machine)
        console = make_console(hubs[0].attach("console", start=0), machine)
        state = getattr(machine.guest, "restored_console", {})
        if plan.restore is not None and "pieces" in state:  # a console has saved it
            console.snapshots.become(ConsoleState.read(state))
        async with followed(console, machine, hubs[0]):
            for step in plan.begin:
                await step(Stage(machine, hubs[0]))
            yield console


async def started_at(start: Start, definition: GuestDefinition, log: Callable[[str], None] | None = None) -> Path:
    """The folder of a snapshot of a guest at its login prompt or in root's shell, which is made if it is not kept yet.

    Args:
        start: ``"login"`` or ``"shell"``.
        definition: the guest, with what is changed before it boots.
        log: told what takes long.

    Raises:
        UsageError: the guest cannot start.
        UartsimError: it could not be booted, or showed no login prompt.
    """

    async def boot(definition: GuestDefinition, folder: Path) -> None:
        async with open_console(definition, timeout=BOOT_TIMEOUT_S, log=log, registers=True) as console:
            await console.expect(LOGIN)
            if start == "shell":
                await console.login()
            await console.snapshots.save(folder)

    return await login_snapshot(start, definition, boot, log or (lambda text: None))


def new_record(paths: RecordPaths, machine: Machine) -> LineRecorder:
    """Records of a machine's line that begin now; UsageError if a file exists or cannot be made."""
    return open_recorder(paths, machine.name, machine.com1.clock.now())


@asynccontextmanager
async def followed(console: Console, machine: Machine, hub: Hub) -> AsyncIterator[None]:
    """Let a console receive what the guest sends; close it at the end."""
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
    """Check that trio has the clock on which the caller relies.

    Raises:
        UsageError: it has another.
    """
    if clock is not None and (clock == "virtual") is not is_virtual():
        raise UsageError(
            f"clock is {clock!r} and trio's is not: in async code it is the clock that trio.run() was given, such as "
            "trio.testing.MockClock(autojump_threshold=0)"
        )


@asynccontextmanager
async def _recorded(hubs: list[Hub], started: list[Machine], log: Callable[[str], None] | None) -> AsyncIterator[None]:
    """Close the recordings, and report those that are incomplete; discard those of a machine that did not start."""
    try:
        yield
    finally:
        states = [(what, state) for machine in started for what, state in machine.com1.recordings().items()]
        for record in [hub.record for hub in hubs if hub.record is not None]:
            if started:
                record.close()
            else:
                record.discard()
            states += [("record", state) for state in record.statuses()]
        for what, state in states:
            if started:
                tell_of_trouble(what, state, log)


def tell_of_trouble(what: str, state: Mapping[str, Any], log: Callable[[str], None] | None) -> None:
    """Say that a recording is incomplete, if it is; ``state`` is its status."""
    if state["trouble"]:
        text = f"the {what} {state['path']} is not whole: {state['trouble']}"
        if log is not None:
            log(text)
        else:
            warnings.warn(text, RuntimeWarning, stacklevel=3)


async def _close_after_the_last_byte(machine: Machine, hub: Hub) -> None:
    """Close the hub when the guest has ended and the line has carried what was still in the chip."""
    await machine.wait_ended()
    with trio.move_on_after(1):
        await hub.drain(())
    hub.close()
