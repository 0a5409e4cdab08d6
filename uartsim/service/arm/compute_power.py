"""Power operations of machines and of instances of scale sets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.compute_work import begin_power, machine_of
from uartsim.service.arm.operation import Answer, Operation, QueryParameter
from uartsim.service.machines.virtual_machine import VirtualMachine
from uartsim.service.store.machine_types import INSTANCE_TYPE, MACHINE_TYPE

MACHINE: Final = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachines/{vm}"
SCALE_SET: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/{set}"
)
INSTANCE: Final = SCALE_SET + "/virtualMachines/{instance}"
#: The types of machines, by the templates of their paths.
TYPES: Final = {
    MACHINE: MACHINE_TYPE,
    INSTANCE: INSTANCE_TYPE,
}
SKIP_SHUTDOWN: Final = QueryParameter(
    "skipShutdown", "With true, the power is cut without a shutdown", ("true", "false")
)

Power = Callable[[VirtualMachine], Awaitable[None]]


def skips_shutdown(request: ArmRequest) -> bool:
    """Whether the request wants the power cut at once."""
    return request.query.get("skipshutdown", "").casefold() == "true"


async def nothing(machine: VirtualMachine) -> None:
    """What ``reapply`` does to a machine whose state is right: nothing."""


async def redeploy(machine: VirtualMachine) -> None:
    """Shut down, and start on another host: here, start again."""
    await machine.deallocate()
    await machine.start()


def power_off_of(request: ArmRequest) -> Power:
    """``powerOff`` as the request's query has it."""
    skip = skips_shutdown(request)

    async def power_off(machine: VirtualMachine) -> None:
        await machine.power_off(skip_shutdown=skip)

    return power_off


async def _power_off(request: ArmRequest) -> Answer:
    if skips_shutdown(
        request
    ):  # what is being done to the machine, such as a shutdown that takes long, is not waited for
        machine_of(request.parts, request.id).cut_power()
    return begin_power(request, power_off_of(request))


def _handler(power: Power) -> Callable[[ArmRequest], Awaitable[Answer]]:
    async def handle(request: ArmRequest) -> Answer:
        return begin_power(request, power)

    return handle


#: The power operations without a query: the word in the path, what is done, and a sentence.
POWERS: Final[tuple[tuple[str, Power, str], ...]] = (
    ("start", VirtualMachine.start, "Switch the machine on"),
    ("restart", VirtualMachine.restart, "Shut the guest down and start it again"),
    ("deallocate", VirtualMachine.deallocate, "Shut the guest down and give the machine back"),
    ("redeploy", redeploy, "Shut the guest down and start it on another host"),
)


def _operations(path: str) -> tuple[Operation, ...]:
    kind = TYPES[path]
    plain = tuple(
        Operation("POST", f"{path}/{word}", f"{kind}/{word}/action", _handler(power), summary, {202: None})
        for word, power, summary in POWERS
    )
    off = Operation(
        "POST",
        f"{path}/powerOff",
        f"{kind}/powerOff/action",
        _power_off,
        "Shut the guest down; the machine stays allocated",
        {202: None},
        query=(SKIP_SHUTDOWN,),
    )
    return (*plain, off)


OPERATIONS: Final = (
    *_operations(MACHINE),
    *_operations(INSTANCE),
    Operation(
        "POST",
        f"{MACHINE}/reapply",
        f"{TYPES[MACHINE]}/reapply/action",
        _handler(nothing),
        "Bring the machine into its state once more",
        {202: None},
    ),
)
