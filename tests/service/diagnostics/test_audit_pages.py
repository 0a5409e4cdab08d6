"""The list of accesses as programs read it: numbered, followed, and honest about what it has not kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from uartsim.own_files.folder import open_own
from uartsim.service.diagnostics import Audit, Diagnostics
from uartsim.service.diagnostics import audit as audit_module
from uartsim.service.store import ResourceId

SUBSCRIPTION = ResourceId("/subscriptions/s")
VM = SUBSCRIPTION / "resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm1"
OTHER = SUBSCRIPTION / "resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm10"
AT = datetime(2026, 11, 28, 14, tzinfo=UTC)


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Diagnostics]:
    with open_own(str(tmp_path / "state"), "service", "x") as folder, Diagnostics(folder, clock=lambda: AT) as made:
        yield made


@pytest.fixture
def audit(logs: Diagnostics) -> Audit:
    return Audit(logs)


def test_a_page_has_what_came_after_a_number(audit: Audit) -> None:
    audit.connected(VM, "alice", "s-1")
    first = audit.page(VM)
    assert [one.number for one in first.entries] == [first.last]
    assert audit.page(VM, after=first.last).entries == []
    audit.connected(OTHER, "bob", "s-2")
    audit.disconnected(VM, "alice", "s-1", "the client closed")
    second = audit.page(VM, after=first.last)
    assert [one.event for one in second.entries] == ["disconnected"]
    assert second.last == first.last + 2
    assert not second.gone


def test_a_subscription_has_the_accesses_to_all_its_machines(audit: Audit) -> None:
    audit.connected(VM, "alice", "s-1")
    audit.connected(OTHER, "bob", "s-2")
    audit.connected(ResourceId("/subscriptions/s2/resourceGroups/g/providers/P/t/n"), "eve", "s-3")
    assert [one.user for one in audit.page(ResourceId("/subscriptions/S")).entries] == ["alice", "bob"]


def test_a_page_says_whether_entries_of_its_own_are_gone(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "KEPT", 3)
    audit.connected(VM, "alice", "s-1")
    first = audit.page(VM).last
    for number in range(3):
        assert not audit.page(VM).gone
        audit.connected(OTHER, "bob", f"s-{number}")
    assert audit.page(VM).entries == []
    assert audit.page(VM).gone
    assert audit.page(SUBSCRIPTION).gone
    assert not audit.page(OTHER).gone
    assert not audit.page(VM, after=first).gone  # what is gone was seen already


def test_numbers_go_on_after_a_restart_and_what_was_before_is_gone(logs: Diagnostics) -> None:
    before = Audit(logs)
    before.connected(VM, "alice", "s-1")
    seen = before.page(VM).last
    logs.clock = lambda: AT + timedelta(seconds=1)
    again = Audit(logs)
    again.connected(VM, "bob", "s-2")
    page = again.page(VM, after=seen)
    assert [one.user for one in page.entries] == ["bob"]
    assert page.gone
    assert page.since == AT + timedelta(seconds=1)
