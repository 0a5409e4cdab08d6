"""``POST diagnose``: why a console cannot be opened, shows nothing, or does nothing on Enter."""

from __future__ import annotations

from typing import Any, Final

import trio
from starlette.requests import Request

from uartsim.service.arm_error import ArmError
from uartsim.service.identity.callers import Caller
from uartsim.service.machines.virtual_machine import PowerState, VirtualMachine
from uartsim.service.parts import Parts
from uartsim.service.portal.portal_query import caller_of, existing_machine, machine_id_of, read_query
from uartsim.service.request_body import read_body
from uartsim.service.rules.access_rules import CONNECT
from uartsim.service.rules.rule import RULE_HEADER
from uartsim.service.store import ResourceId

#: There is nothing to say in the body.
_LONGEST_BODY: Final = 1024


async def diagnose_console(parts: Parts, request: Request) -> dict[str, Any]:
    """The answer; it takes the action to connect to the console, since it says what the guest shows.

    Raises:
        ArmError: the query is wrong, the caller may not, or there is no such machine.
    """
    machine_id = machine_id_of(read_query(request, "machine"))
    caller = caller_of(parts, request)
    if not parts.authorisation.may(caller, CONNECT, machine_id):  # a lock is no refusal here, but a finding
        parts.authorisation.check(caller, CONNECT, machine_id)
    existing_machine(parts, machine_id)
    if (await read_body(request, _LONGEST_BODY)).strip() not in (b"", b"{}"):
        raise ArmError(400, "InvalidRequestContent", "There is nothing to say in the body: leave it empty.")
    machine = parts.machines.get(machine_id)
    return _refused(parts, caller, machine_id) or await _of_the_guest(parts, machine_id, machine)


def _refused(parts: Parts, caller: Caller, machine_id: ResourceId) -> dict[str, Any] | None:
    """What stands in the way of opening the console at all; None if nothing does."""
    refusal = parts.rules.refusal(caller, machine_id)
    if refusal is None:
        return None
    rule = refusal.headers.get(RULE_HEADER)
    mitigation = next((one["message"] for one in refusal.details if one.get("code") == "Mitigation"), "")
    machine = parts.machines.get(machine_id)
    evidence = [f"The console is refused by the rule {rule}."]
    if machine is not None:
        evidence.append(f"The power state is {machine.power_state}.")
        if machine.failure is not None:
            evidence.append(f"The last boot failed: {machine.failure}")
    return _shown(rule or refusal.code, refusal.message, evidence, mitigation, rule)


async def _of_the_guest(parts: Parts, machine_id: ResourceId, machine: VirtualMachine | None) -> dict[str, Any]:
    # Imported here, so that the service answers before the console's modules are loaded.
    from uartsim.console.diagnosis.diagnose import diagnose
    from uartsim.console.diagnosis.line_facts import line_facts
    from uartsim.console.diagnosis.shown_state import PROBLEM_BYTES

    running, hub = (None, None) if machine is None else (machine.machine, machine.hub)
    if running is None or hub is None or machine is None:
        state = PowerState.DEALLOCATED if machine is None else machine.power_state
        text = "The machine is between two boots, or about to start."
        return _shown("starting", text, [f"The power state is {state}."], "Wait a moment, and diagnose again.", None)
    facts, history = line_facts(running, hub), hub.history(PROBLEM_BYTES)
    is_windows = parts.rules.os_type(machine_id) == "Windows"
    found = await trio.to_thread.run_sync(lambda: diagnose(facts, history, is_windows=is_windows))
    return _shown(found.cause, found.verdict, list(found.evidence), found.remedy, None)


def _shown(cause: str, verdict: str, evidence: list[str], remedy: str, rule: str | None) -> dict[str, Any]:
    return {"cause": cause, "verdict": verdict, "evidence": evidence, "remedy": remedy, "rule": rule}
