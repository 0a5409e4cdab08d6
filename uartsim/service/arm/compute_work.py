"""Work on machines that goes on after its request is answered, and the provisioning state meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from uartsim.service.arm.accepted import begin
from uartsim.service.arm.arm_request import ArmRequest
from uartsim.service.arm.arm_texts import resource_not_found
from uartsim.service.arm.machine_views import now_text, provisioning_state
from uartsim.service.arm.operation import Answer
from uartsim.service.arm_error import ArmError
from uartsim.service.machines.refusals import NotStartedError
from uartsim.service.machines.virtual_machine import VirtualMachine
from uartsim.service.parts import Parts
from uartsim.service.store import ResourceId


def machine_of(parts: Parts, resource_id: ResourceId) -> VirtualMachine:
    """The machine of a resource.

    Raises:
        ArmError: 404, there is none.
    """
    machine = parts.machines.get(resource_id)
    if machine is None:
        raise resource_not_found(resource_id)
    return machine


def set_provisioning(parts: Parts, resource_id: ResourceId, state: str) -> None:
    """Set the provisioning state of a resource, if it still exists."""
    resource = parts.store.get(resource_id)
    if resource is not None:
        parts.store.put(resource.with_properties(provisioningState=state).with_private(changed=now_text()))


async def provisioned(
    parts: Parts, resource_id: ResourceId, work: Callable[[], Awaitable[Any]], meanwhile: str = "Updating"
) -> Any:
    """Do work on a resource, whose provisioning state is ``meanwhile``, and then Succeeded or Failed; return its result.

    A refusal leaves the resource as it was; an error of the machine makes it Failed.
    """
    found = parts.store.get(resource_id)
    before = "Succeeded" if found is None else provisioning_state(found)
    if before == "Creating":
        before = "Failed"
    set_provisioning(parts, resource_id, meanwhile)
    try:
        result = await work()
    except ArmError as error:
        set_provisioning(parts, resource_id, "Failed" if isinstance(error, NotStartedError) else before)
        raise
    except Exception:
        set_provisioning(parts, resource_id, "Failed")
        raise
    set_provisioning(parts, resource_id, "Succeeded")
    return result


def begin_power(request: ArmRequest, what: Callable[[VirtualMachine], Awaitable[None]]) -> Answer:
    """Start an operation on the power of the machine that the request is about; the answer is 202."""
    machine = machine_of(request.parts, request.id)

    async def work() -> None:
        await provisioned(request.parts, request.id, partial(what, machine))

    return begin(request, work)
