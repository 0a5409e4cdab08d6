"""What the page asks below ``/_uartsim/portal/``, over HTTPS of a service that runs."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.service.served import MACHINES, SUBSCRIPTION, TENANT, Served, instance_id, vm_id
from uartsim.service.store import ResourceId

PORTAL = "/_uartsim/portal"
PREVIEW = '[console]\nprofile = "preview"\n'
LISTED = f'{PREVIEW}preview_subscriptions = ["{SUBSCRIPTION.upper()}"]\n'


def test_settings_need_no_token_and_are_those_of_the_profile(serve: Callable[..., Served]) -> None:
    answer = serve().client(None).get(f"{PORTAL}/settings")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    installed = [one.version for one in importlib.metadata.distributions(name="uartsim")]
    assert answer.json() == {
        "profile": "default",
        "consoleTitle": "Serial console",
        "previewWarning": None,
        "pasteLimit": 2048,
        "tenantDomain": "example.com",
        "version": installed[0] if installed else None,
    }


def test_settings_of_the_preview_have_its_title_and_its_warning(serve: Callable[..., Served]) -> None:
    settings = serve('[tenant]\ndomain = "contoso.test"\n' + PREVIEW).client(None).get(f"{PORTAL}/settings").json()
    assert settings["profile"] == "preview"
    assert settings["consoleTitle"] == "Serial Console (Preview)"
    assert settings["previewWarning"].startswith(
        "ACCESS VIA SERIAL CONSOLE SHOULD BE LIMITED TO DEV-TEST VIRTUAL MACHINES."
    )
    assert settings["tenantDomain"] == "contoso.test"


def test_console_of_a_machine_that_runs(served: Served) -> None:
    answer = served.client("reader").get(f"{PORTAL}/console", params={"machine": str(vm_id())})
    assert answer.status_code == 200, answer.text
    status = answer.json()
    assert status["machine"] == str(vm_id())
    assert status["osType"] == "Linux"
    assert status["powerState"] in {"starting", "running"}
    assert status["guest"] == "demo"
    assert (status["offered"], status["holder"], status["watchers"]) == (True, None, 0)


def test_the_line_of_a_console_has_the_speed_that_the_guest_has_set(serve: Callable[..., Served]) -> None:
    served = serve(TENANT + '[[vm]]\nname = "vm1"\nguest = "demo"\n[[vm]]\nname = "off"\npower = "stopped"\n')
    client = served.client()
    served.run(_running, served, vm_id())
    status = client.get(f"{PORTAL}/console", params={"machine": str(vm_id())}).json()
    assert (status["baud"], status["format"]) == (115200, "8N1")
    status = client.get(f"{PORTAL}/console", params={"machine": str(vm_id("off"))}).json()
    assert (status["powerState"], status["baud"], status["format"]) == ("stopped", None, None)


async def _running(served: Served, machine_id: ResourceId) -> None:
    machine = served.parts.machines.get(machine_id)
    assert machine is not None
    while machine.hub is None:
        await machine.changed.park()


def test_holder_and_watchers_of_a_console(served: Served) -> None:
    class Sitter:
        user = "alice@example.com"
        seated_at = datetime.now(UTC).timestamp()
        is_over = False

        def end(self, code: int, reason: str) -> None: ...

    seats = served.parts.sessions.services.seats
    sitter = Sitter()
    served.run_sync(seats.take, vm_id(), sitter)
    status = served.client().get(f"{PORTAL}/console", params={"machine": str(vm_id()).upper()}).json()
    assert status["holder"]["user"] == "alice@example.com"
    since = datetime.fromisoformat(status["holder"]["since"])
    assert abs(since.timestamp() - Sitter.seated_at) < 0.001
    served.run_sync(seats.leave, vm_id(), sitter)
    status = served.client().get(f"{PORTAL}/console", params={"machine": str(vm_id())}).json()
    assert status["holder"] is None


@pytest.mark.parametrize(
    ("table", "of_vm", "of_instance"),
    [("", True, True), (PREVIEW, False, False), (LISTED, True, False)],
    ids=["default", "not white-listed", "white-listed"],
)
def test_the_preview_offers_the_console_to_machines_of_white_listed_subscriptions(
    serve: Callable[..., Served], table: str, of_vm: bool, of_instance: bool
) -> None:
    client = serve(table + TENANT + MACHINES).client()
    offered = [
        client.get(f"{PORTAL}/console", params={"machine": str(one)}).json()["offered"]
        for one in (vm_id(), instance_id(0))
    ]
    assert offered == [of_vm, of_instance]


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("console", "machine"),
        ("console?machine=vm1", "machine"),
        (f"console?machine=/subscriptions/{SUBSCRIPTION}", "machine"),
        (f"console?machine={vm_id()}&depth=1", "depth"),
        (f"console?machine={vm_id()}&machine={vm_id()}", "machine"),
        ("console?machine", None),
        ("settings?x=1", "x"),
        ("audit", None),
        (f"audit?machine={vm_id()}&subscription={SUBSCRIPTION}", None),
        (f"audit?subscription={vm_id()}", "subscription"),
        (f"audit?subscription={SUBSCRIPTION}&after=-1", "after"),
        (f"audit?subscription={SUBSCRIPTION}&after=\u0663", "after"),
    ],
)
def test_a_wrong_query_is_refused_in_words(served: Served, query: str, target: str | None) -> None:
    answer = served.client().get(f"{PORTAL}/{query}")
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "InvalidQueryParameter"
    assert error.get("target") == target
    assert error["message"].endswith(".")


def test_a_machine_with_a_serial_line_only_has_no_screenshot(served: Served) -> None:
    served.run(_running, served, vm_id())
    query = {"machine": str(vm_id())}
    answer = served.client().get(f"{PORTAL}/screenshot", params=query)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "NoDisplay")
    assert "serial line and nothing else" in error["message"]
    assert served.client().get(f"{PORTAL}/console", params=query).json()["hasDisplay"] is False


def test_a_screenshot_is_for_whoever_may_read_the_boot_diagnostics(served: Served) -> None:
    query = {"machine": str(vm_id())}
    assert served.client("reader").get(f"{PORTAL}/screenshot", params=query).status_code == 403
    machine = served.parts.store.get(vm_id())
    assert machine is not None
    off = machine.with_properties(diagnosticsProfile={"bootDiagnostics": {"enabled": False}})
    served.run_sync(served.parts.store.put, off)
    answer = served.client().get(f"{PORTAL}/screenshot", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "BootDiagnosticsNotEnabled")


@pytest.mark.parametrize("path", ["console", "audit", "screenshot"])
def test_a_token_and_a_role_are_needed(served: Served, path: str) -> None:
    query = {"machine": str(vm_id())}
    answer = served.client(None).get(f"{PORTAL}/{path}", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
    answer = served.client("nobody").get(f"{PORTAL}/{path}", params=query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    # A stranger does not learn whether a machine exists.
    missing = {"machine": str(vm_id("missing"))}
    assert served.client("nobody").get(f"{PORTAL}/{path}", params=missing).status_code == 403


def test_console_of_a_machine_that_is_not_there(served: Served) -> None:
    answer = served.client().get(f"{PORTAL}/console", params={"machine": str(vm_id("missing"))})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")


def test_audit_is_followed_from_the_last_number(served: Served) -> None:
    audit = served.parts.sessions.services.audit
    served.run_sync(audit.connected, vm_id(), "alice@example.com", "s-1")
    served.run_sync(audit.connected, instance_id(1), "bob@example.com", "s-2")
    client = served.client("reader")
    query: dict[str, str | int] = {"machine": str(vm_id())}
    first = client.get(f"{PORTAL}/audit", params=query).json()
    (entry,) = first["value"]
    assert (entry["user"], entry["event"], entry["detail"]) == ("alice@example.com", "connected", "")
    assert (entry["machine"], entry["session"]) == (str(vm_id()), "s-1")
    assert first["gone"] is False
    served.run_sync(audit.admin_command, vm_id(), "alice@example.com", "s-1", "sysrq h")
    (entry,) = client.get(f"{PORTAL}/audit", params={**query, "after": first["last"]}).json()["value"]
    assert (entry["event"], entry["detail"]) == ("admin command", "sysrq h")
    assert entry["number"] > first["last"]
    of_all = client.get(f"{PORTAL}/audit", params={"subscription": SUBSCRIPTION}).json()
    assert [one["session"] for one in of_all["value"]] == ["s-1", "s-2", "s-1"]


def test_audit_of_a_machine_is_for_whoever_may_read_its_log_or_the_activity_log(served: Served) -> None:
    def status(user: str, **query: str) -> int:
        return served.client(user).get(f"{PORTAL}/audit", params=query).status_code

    assert status("vmcontributor", machine=str(vm_id())) == 200  # retrieveBootDiagnosticsData
    assert status("reader", machine=str(vm_id())) == 200  # the activity log
    assert status("operator", machine=str(vm_id())) == 403
    assert status("reader", subscription=SUBSCRIPTION) == 200
    assert status("vmcontributor", subscription=SUBSCRIPTION) == 403
