"""A machine that is made with the name of a deleted one has nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.service.served import TENANT, Served, vm_id
from uartsim.service.arm.serial_log_blob import serial_log_uri
from uartsim.service.store import Resource


def test_a_new_machine_has_neither_the_log_nor_the_urls_of_a_deleted_one(serve: Callable[..., Served]) -> None:
    served = serve(TENANT + '\n[[vm]]\nname = "vm1"\npower = "stopped"\n[[vm]]\nname = "vm2"\npower = "stopped"\n')
    parts, client = served.parts, served.client("owner")
    caller = parts.tokens.read(served.token("owner"))

    def uri() -> str:
        machine = parts.store.get(vm_id())
        assert machine is not None
        return serial_log_uri(parts, caller, machine, timedelta(minutes=5))

    def log_and_delete() -> Resource:
        machine = parts.store.get(vm_id())
        assert machine is not None
        assert parts.diagnostics is not None
        parts.diagnostics.log_of(vm_id(), storage_account=None).write(b"secret")
        parts.store.delete(vm_id())
        return machine

    old = served.run_sync(uri)
    logs = served.state / "serial-logs"
    before = len(list(logs.glob("*.log")))
    machine = served.run_sync(log_and_delete)
    assert len(list(logs.glob("*.log"))) == before - 1
    assert client.get(old).status_code == 404
    body = {
        "location": "westeurope",
        "properties": {
            "storageProfile": {"imageReference": machine.properties["storageProfile"]["imageReference"]},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
        },
    }
    answer = client.put(str(vm_id()), params={"api-version": "2024-07-01"}, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["properties"]["vmId"] != machine.properties["vmId"]
    assert client.get(old).status_code == 404
    new = client.get(served.run_sync(uri))
    assert (new.status_code, b"secret" in new.content) == (200, False)
