"""One machine of the tenant: it lives on while its guest is switched off and on.

:mod:`uartsim.service.machines.power_states` has its power states, and what leads from one to another.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import trio

from uartsim.access.hub import Hub
from uartsim.errors import UartsimError, UsageError
from uartsim.machine import AgentGuest, Guest, Machine, agent_of
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.guest_plan import GuestChoice, port_options
from uartsim.service.machines.os_disk import discard_disk_file, keep_disk_file
from uartsim.service.machines.power_cycle import Plan, PowerCycle
from uartsim.service.machines.power_states import PowerState as PowerState
from uartsim.service.machines.refusals import NotStartedError, machine_is_off, refusals
from uartsim.service.machines.start_up import put_right
from uartsim.service.machines.surroundings import Nowhere, Surroundings
from uartsim.service.store import Resource, ResourceId, Store
from uartsim.service.store.machine_types import MACHINE_TYPES

#: How long a guest may take to shut down before the plug is pulled, in seconds.
SHUTDOWN_S: Final = 30.0
#: Clients that wait for the service are answered before the first guest is loaded, which takes a while; in seconds.
ANSWERS_FIRST_S: Final = 0.05


#: The state of a machine whose power has not come on since the service started, by what is wished of it.
_STATE_BEFORE_START: Final = {"running": PowerState.STARTING, "stopped": PowerState.STOPPED}
_SYSRQ_KEYS: Final = re.compile(r"[0-9A-Za-z]{1,64}")


class VirtualMachine:
    """A machine or an instance of a scale set.

    Args:
        resource_id: its ARM id.
        around: what it needs from outside; without it, it cannot be switched on.
        shutdown_s: how long its guest may take to shut down, in seconds.

    Attributes:
        id: its ARM id.
        power_state: its power state.
        hub: the line of the present boot; None while the machine is off, and between the two boots of a restart.
        power_ons: how many times it has been switched on.
        changed: unparked whenever the power state or the hub changes.
        failure: why the last boot failed, in a sentence; None if it did not.
    """

    def __init__(
        self, resource_id: ResourceId, around: Surroundings | None = None, shutdown_s: float = SHUTDOWN_S
    ) -> None:
        self.id = resource_id
        self.power_state = PowerState.DEALLOCATED
        self.hub: Hub | None = None
        self.power_ons = 0
        self.changed = trio.lowlevel.ParkingLot()
        self.failure: str | None = None
        self._around = around or Nowhere()
        self._shutdown_s = shutdown_s
        self._cycle: PowerCycle | None = None
        self._operation = trio.Lock()
        self._keys = trio.Lock()  # SysRq keys of two callers do not mix

    @property
    def machine(self) -> Machine | None:
        """The machine of the present boot; None while it is off or has not come so far."""
        return None if self._cycle is None else self._cycle.machine

    # -- power -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Switch it on; returns once its COM1 is served.

        Raises:
            ArmError: 409, the guest could not be started; the message says why.
        """
        async with self._alone():
            self._around.wish(self.id, "running")
            if self._cycle is not None:
                return
            self._become(PowerState.STARTING)
            await self._power_on()

    async def power_off(self, *, skip_shutdown: bool = False) -> None:
        """Shut the guest down, or pull the plug; the machine stays allocated (``stopped``)."""
        await self._end(PowerState.STOPPING, PowerState.STOPPED, skip_shutdown=skip_shutdown)

    async def deallocate(self) -> None:
        """Shut the guest down and give the machine back."""
        await self._end(PowerState.DEALLOCATING, PowerState.DEALLOCATED)

    async def restart(self) -> None:
        """Shut the guest down and start it again: gracefully, where the guest can.

        Raises:
            ArmError: 409, the machine is off, or could not be started again.
        """
        async with self._alone():
            if self._cycle is None and self.power_state is PowerState.STARTING:
                await self._power_on()  # the service has only just started, and would have switched it on next
                return
            cycle = self._running("restart")
            await self._shut_down(cycle)
            await cycle.over.wait()
            self._forget(cycle)
            self._around.wish(self.id, "running")
            self._become(PowerState.RUNNING)
            await self._power_on()

    async def reset(self) -> None:
        """A power cycle; the line stays, so that the boot loader can be caught.

        Raises:
            ArmError: 409, the machine is off, or cannot be reset from here.
        """
        machine = self._machine_on("reset")
        with refusals("reset"):
            await machine.reset()

    async def nmi(self) -> None:
        """A non-maskable interrupt.

        Raises:
            ArmError: 409, the machine is off, or has no such interrupt.
        """
        machine = self._machine_on("nmi")
        with refusals("nmi"):
            await machine.nmi()

    async def sysrq(self, keys: str) -> None:
        """A break and a key, for each of ``keys``; returns when the line has carried the last.

        Raises:
            ArmError: 409, the machine is off; 400, ``keys`` is not 1 to 64 letters and digits.
        """
        if not _SYSRQ_KEYS.fullmatch(keys):
            raise ArmError(
                400, "InvalidParameter", "A SysRq command is 1 to 64 letters and numbers.", target="SysRqCommand"
            )
        async with self._keys:
            self._machine_on("sysrq")
            hub = self.hub
            assert hub is not None
            await hub.sysrq(keys)
            if hub.closed:
                raise machine_is_off("sysrq")

    def agent(self, what: str) -> AgentGuest:
        """What runs commands and sets passwords in the guest.

        Raises:
            ArmError: 409, the machine is off, or a guest of its kind has no agent.
        """
        machine = self._machine_on(what)
        with refusals(what):
            return agent_of(machine)

    def cut_power(self) -> None:
        """Cut the power at once, whatever is being done to the machine; it is stopped then, unless that starts it again."""
        if self._cycle is not None:
            self._cycle.pull_the_plug()

    # -- how that is done --------------------------------------------------------------------------------------

    async def _power_on(self) -> None:
        self.failure = None
        try:
            plan = await self._around.plan(self.id)
        except Exception as error:  # whatever is wrong with this machine, the others go on
            why = str(error) if isinstance(error, UartsimError | OSError) else f"{type(error).__name__}: {error}"
            self._failed(why)
            raise NotStartedError(why) from None
        cycle = self._cycle = PowerCycle(plan)
        self.power_ons += 1
        self._around.spawn(self, cycle)
        await cycle.served.wait()
        if cycle.machine is None:
            self._settle()
            raise NotStartedError(self.failure or "it ended before its COM1 was served")
        self.hub = cycle.hub
        self._become(PowerState.RUNNING)

    def cycle_over(self) -> None:
        """A power cycle is over, whatever ended it."""
        if not self._operation.locked():  # else the operation settles it at its end
            self._settle()

    def _settle(self) -> None:
        """Draw the consequences if the present power cycle is over."""
        cycle = self._cycle
        if cycle is None or not cycle.over.is_set():
            return
        self._forget(cycle)
        assert cycle.end is not None
        if cycle.end.reason == "failed":
            self._failed(str(cycle.end))
            return
        if cycle.end.reason in ("poweroff", "exited"):
            self._around.wish(self.id, "stopped")
            self._around.log(self.id, f"the guest {cycle.end}")
        self._become(PowerState.STOPPED)

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """An operation that no other comes between."""
        async with self._operation:
            try:
                yield
            finally:
                self._settle()

    async def _end(self, meanwhile: PowerState, then: PowerState, *, skip_shutdown: bool = False) -> None:
        if skip_shutdown:
            self.cut_power()  # also while a shutdown of the guest is waited for
        async with self._alone():
            if self.power_state is PowerState.DEALLOCATED:
                then = PowerState.DEALLOCATED
            self._around.wish(self.id, then.value)
            if (cycle := self._cycle) is not None:
                self._become(meanwhile)
                if not skip_shutdown:
                    await self._shut_down(cycle)
                cycle.pull_the_plug()
                await cycle.over.wait()
                self._forget(cycle)
            self.failure = None
            self._become(then)

    async def _shut_down(self, cycle: PowerCycle) -> None:
        """Press the power button, and wait for the guest; pull the plug if there is no hearing, or it takes too long."""
        machine = cycle.machine
        if machine is not None and not cycle.over.is_set():
            try:
                heard = await machine.press_power_button()
            except UartsimError as error:
                self._around.log(self.id, f"the power button does nothing ({error}): the power is cut")
                heard = False
            if heard:
                with trio.move_on_after(self._shutdown_s):
                    await machine.wait_ended()
                if machine.ended is None:
                    self._around.log(
                        self.id, f"the guest has not shut down within {self._shutdown_s:g} s: the power is cut"
                    )
        cycle.pull_the_plug()

    def _forget(self, cycle: PowerCycle) -> None:
        if self._cycle is cycle:
            self._cycle = self.hub = None
            self.changed.unpark_all()

    def _failed(self, why: str) -> None:
        self.failure = why
        self._around.log(self.id, f"the machine has stopped: {why}")
        self._become(PowerState.STOPPED)

    def _become(self, state: PowerState) -> None:
        self.power_state = state
        self.changed.unpark_all()

    def _running(self, what: str) -> PowerCycle:
        if self._cycle is None or self._cycle.over.is_set():
            raise machine_is_off(what)
        return self._cycle

    def _machine_on(self, what: str) -> Machine:
        machine = self._running(what).machine
        if machine is None or machine.ended is not None:
            raise machine_is_off(what)
        return machine


class Machines:
    """All machines of the tenant.

    Args:
        store: where their resources are.
        log: gets sentences about them.
        output: called with the id of a machine and each piece of its guest's output, on the spot; None if nobody wants it.
        shutdown_s: how long a guest may take to shut down, in seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        log: Callable[[str], None] = lambda text: None,
        output: Callable[[ResourceId, bytes], None] | None = None,
        shutdown_s: float = SHUTDOWN_S,
    ) -> None:
        self._store = store
        self._log = log
        self._output = output
        self._shutdown_s = shutdown_s
        self._machines: dict[str, VirtualMachine] = {}
        self._guests: dict[str, tuple[GuestChoice, Guest]] = {}
        self._nursery: trio.Nursery | None = None
        store.subscribe(self._resource_changed)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the machines going until cancelled, which cuts the power of all; those that ran before are started first."""
        async with trio.open_nursery() as self._nursery:
            try:
                task_status.started()
                put_right(self._store)
                wished = [one.id for kind in MACHINE_TYPES for one in self._store.list(kind) if _is_wished(one)]
                await trio.sleep(ANSWERS_FIRST_S)
                for machine_id in wished:
                    if _is_wished(self._store.get(machine_id)):
                        self._nursery.start_soon(_started, self._machine(machine_id))
                await trio.sleep_forever()
            finally:
                self._nursery.cancel_scope.cancel()

    def get(self, resource_id: ResourceId) -> VirtualMachine | None:
        """The machine of an id, or None."""
        if resource_id.key not in self._machines:
            resource = self._store.get(resource_id)
            if resource is None or not any(resource_id.is_a(kind) for kind in MACHINE_TYPES):
                return None
        return self._machine(resource_id)

    # -- what a machine needs from outside: Surroundings -------------------------------------------------------

    async def plan(self, resource_id: ResourceId) -> Plan:
        """See :class:`Surroundings`.  A guest that is the same as at the last boot is the same object: it keeps its disk."""
        resource = self._store.get(resource_id)
        if resource is None:
            raise UsageError(f"{resource_id} does not exist any more")
        choice = GuestChoice.of(resource, self._store)
        key = choice.disk_id or resource_id.key  # a disk that is swapped in again is as it was
        kept = self._guests.get(key)
        guest = kept[1] if kept is not None and choice.runs_on(kept[1], kept[0]) else await choice.make()
        self._guests[key] = (choice, guest)
        output = None if self._output is None else partial(self._output, resource_id)
        log = partial(self.log, resource_id)
        keep = partial(keep_disk_file, self._store, resource_id, guest, log)
        return Plan(guest, resource_id.name, port_options(resource), log, output, keep)

    def spawn(self, machine: VirtualMachine, cycle: PowerCycle) -> None:
        """See :class:`Surroundings`."""
        if self._nursery is None:
            raise ArmError(503, "ServiceUnavailable", "The virtual machines are not available now: try again later.")
        self._nursery.start_soon(_run_to_the_end, machine, cycle)

    def wish(self, resource_id: ResourceId, power: str) -> None:
        """See :class:`Surroundings`."""
        resource = self._store.get(resource_id)
        if resource is not None and resource.private.get("power") != power:
            self._store.put(resource.with_private(power=power))

    def log(self, resource_id: ResourceId, text: str) -> None:
        """See :class:`Surroundings`."""
        self._log(f"{resource_id.name}: {text}")

    def _machine(self, resource_id: ResourceId) -> VirtualMachine:
        machine = self._machines.get(resource_id.key)
        if machine is None:
            machine = self._machines[resource_id.key] = VirtualMachine(resource_id, self, self._shutdown_s)
            resource = self._store.get(resource_id)
            wish = "deallocated" if resource is None else resource.private.get("power", "running")
            machine.power_state = _STATE_BEFORE_START.get(wish, PowerState.DEALLOCATED)
        return machine

    def _resource_changed(self, before: Resource | None, after: Resource | None) -> None:
        """A resource that is deleted takes its machine with it."""
        if after is None and before is not None:
            self._guests.pop(before.id.key, None)
            machine = self._machines.pop(before.id.key, None)
            if machine is not None:
                machine.cut_power()
            discard_disk_file(before)


def _is_wished(resource: Resource | None) -> bool:
    return resource is not None and resource.private.get("power", "running") == "running"


async def _started(machine: VirtualMachine) -> None:
    if machine.power_state is PowerState.STARTING:  # else it has been switched off meanwhile
        with suppress(ArmError):  # the machine has said why
            await machine.start()


async def _run_to_the_end(machine: VirtualMachine, cycle: PowerCycle) -> None:
    await cycle.run()
    machine.cycle_over()
