"""``POST diagnose`` over HTTPS: refusals of the console's rules, and machines that run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.service.served import TENANT, VM1, Served, vm_id
from uartsim.service.rules.machine_rules import console_service
from uartsim.service.store import Resource

DIAGNOSE = "/_uartsim/portal/diagnose"
MACHINES = f"""{VM1}
[[vm]]
name = "cut"
guest = "demo"
settings = {{ grub_timeout = 0, boot_seconds = 0.0, time_scale = 0.0 }}
port = {{ fault = "lost-cts" }}
[[vm]]
name = "off"
guest = "demo"
power = "stopped"
"""


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve(TENANT + MACHINES)


async def _output_with(served: Served, name: str, text: bytes) -> None:
    machine = served.parts.machines.get(vm_id(name))
    assert machine is not None
    while machine.hub is None:
        await machine.changed.park()
    while text not in machine.hub.history():
        await machine.hub.wait_news()


def test_a_login_prompt_is_found_without_typing_anything(served: Served) -> None:
    served.run(_output_with, served, "vm1", b"login: ")
    answer = served.client("operator").post(DIAGNOSE, params={"machine": str(vm_id())})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["cause"], found["verdict"], found["rule"]) == ("login", "A login prompt is there.", None)
    assert any("demo login:" in sentence for sentence in found["evidence"])
    assert "Reset password" in found["remedy"]
    machine = served.parts.machines.get(vm_id())
    assert machine is not None
    assert machine.hub is not None
    assert machine.hub.com1.cable.far.characters == 0


def test_a_console_that_is_refused_has_its_rule_as_verdict(served: Served) -> None:
    client = served.client()
    found = client.post(DIAGNOSE, params={"machine": str(vm_id("off"))}).json()
    assert (found["cause"], found["rule"], found["remedy"]) == ("running", "running", "Start the machine.")
    assert "The power state is stopped." in found["evidence"]
    disabled = Resource(console_service(vm_id().subscription or ""), {"properties": {"disabled": True}})
    served.run_sync(served.parts.store.put, disabled)
    found = client.post(DIAGNOSE, params={"machine": str(vm_id())}).json()
    assert found["rule"] == "console-enabled"
    assert "not enabled for this subscription" in found["verdict"]


def test_a_fault_of_the_line_is_found(served: Served) -> None:
    served.run(_output_with, served, "vm1", b"login: ")  # the guests have been loaded
    client = served.client()
    found = client.post(DIAGNOSE, params={"machine": str(vm_id("cut"))}).json()
    while found["cause"] == "starting":
        found = client.post(DIAGNOSE, params={"machine": str(vm_id("cut"))}).json()
    assert found["cause"] == "line-fault"
    assert any("lost-cts" in sentence for sentence in found["evidence"])


def test_only_who_may_connect_may_diagnose(served: Served) -> None:
    query = {"machine": str(vm_id())}
    assert served.client(None).post(DIAGNOSE, params=query).status_code == 401
    answer = served.client("reader").post(DIAGNOSE, params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")


def test_a_body_is_refused(served: Served) -> None:
    client = served.client()
    answer = client.post(DIAGNOSE, params={"machine": str(vm_id())}, json={"type": "Enter"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")
    answer = client.post(DIAGNOSE, params={"machine": str(vm_id())}, content=b"x" * 5000)
    assert answer.status_code == 413
