"""A store that cannot be written: requests and operations say why, and leave nothing behind."""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable

import pytest

from tests.patience import patience
from tests.service.served import TENANT, Served, vm_id
from uartsim.errors import UartsimError

VERSION = {"api-version": "2024-07-01"}
FULL = "the state cannot be written (database or disk is full): make room on the disk"


def refuse(*args: object) -> None:
    raise UartsimError(FULL)


def test_a_write_on_a_full_disk_is_answered_with_the_reason(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(TENANT + '\n[[vm]]\nname = "vm1"\npower = "stopped"\n')
    client = served.client("owner")
    monkeypatch.setattr(served.parts.store, "put", refuse)
    answer = client.patch(str(vm_id()), params=VERSION, json={"tags": {"a": "b"}})
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, FULL)


def test_an_operation_on_a_full_disk_leaves_no_work_that_nobody_awaits(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(TENANT + '\n[[vm]]\nname = "vm1"\npower = "stopped"\n')
    client = served.client("owner")
    monkeypatch.setattr(served.parts.store, "put", refuse)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        begun = client.post(f"{vm_id()}/start", params=VERSION)
        ends_at = time.monotonic() + patience(20)
        while (shown := client.get(begun.headers["azure-asyncoperation"]).json())["status"] == "InProgress":
            assert time.monotonic() < ends_at
        gc.collect()
    assert shown["error"]["message"] == FULL
    assert not [str(one.message) for one in caught if "never awaited" in str(one.message)]
