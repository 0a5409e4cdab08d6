"""docs/portal-api.md: every rule has its row in the table of what mends a refusal, and the calls do mend it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.service.served import MACHINES, SUBSCRIPTION, TENANT, Served, vm_id
from uartsim.service.rules.console_rules import ALL_RULES
from uartsim.service.rules.machine_rules import console_service, serial_port
from uartsim.service.store import Resource

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "portal-api.md").read_text()
ROWS = re.findall(r"^\| (`.*?) \| (.*?) \| (.*?) ?\|$", PAGE.partition("## What mends a refusal")[2], re.MULTILINE)
VERSIONS = {"Microsoft.SerialConsole": "2024-07-01", "Microsoft.Compute": "2024-11-01"}


def test_every_rule_has_its_row() -> None:
    assert {rule for first, _, _ in ROWS for rule in re.findall(r"`([\w-]+)`", first)} == set(ALL_RULES.ids)


def _break(served: Served, rule: str) -> None:
    store = served.parts.store
    machine = store.get(vm_id())
    assert machine is not None
    settings = {
        "boot-diagnostics": {"enabled": False},
        "storage-exists": {"enabled": True, "storageUri": "https://gone.blob.core.windows.net/"},
    }
    changes = {
        "console-enabled": Resource(console_service(SUBSCRIPTION), {"properties": {"disabled": True}}),
        "port-enabled": Resource(serial_port(vm_id()), {"properties": {"state": "disabled"}}),
    }
    changed = changes.get(rule) or machine.with_properties(diagnosticsProfile={"bootDiagnostics": settings[rule]})
    served.run_sync(store.put, changed)


@pytest.mark.parametrize("rule", ["boot-diagnostics", "console-enabled", "port-enabled", "storage-exists"])
def test_the_call_of_the_table_mends_the_refusal(serve: Callable[..., Served], rule: str) -> None:
    served = serve(TENANT + MACHINES)
    client = served.client()
    connect = f"{vm_id()}/providers/Microsoft.SerialConsole/serialPorts/0/connect?api-version=2024-07-01"
    _break(served, rule)
    assert client.post(connect).headers["x-uartsim-rule"] == rule
    call, body = next((call, body) for first, call, body in ROWS if f"`{rule}`" in first)
    method, path = re.findall(r"`(\w+) ([^`]+)`", call)[0]
    path = path.replace("{machine}", str(vm_id())).replace("{subscription}", f"/subscriptions/{SUBSCRIPTION}")
    version = VERSIONS[path.rpartition("/providers/")[2].partition("/")[0]]
    content = json.loads(body.strip("`")) if body else None
    answer = client.request(method, f"{path}?api-version={version}", json=content)
    assert answer.is_success, answer.text
    assert client.post(connect).status_code == 200
