"""A set-up comes into the store once; later the state wins, and what is not applied is said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from uartsim.errors import UsageError
from uartsim.service.identity.directory import Directory, has_secret
from uartsim.service.store import ResourceId, Store
from uartsim.service.tenant.apply_setup import applied_setup, apply_setup, was_applied
from uartsim.service.tenant.setup_file import DEFAULT_GROUP, DEFAULT_SUBSCRIPTION, read_setup

USER = '[[user]]\nname = "alice"\npassword = "first"\nroles = ["Reader"]\n'
MACHINE = '[[vm]]\nname = "vm1"\n'
VM1 = ResourceId(
    f"/subscriptions/{DEFAULT_SUBSCRIPTION}/resourceGroups/{DEFAULT_GROUP}"
    "/providers/Microsoft.Compute/virtualMachines/vm1"
)


class Scene:
    """A store, and what has been said."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.said: list[str] = []

    def apply(self, text: str, stamp: str = "") -> str:
        self.said.clear()
        setup = read_setup(text, "t.toml", Path("/"))
        apply_setup(self.store, setup, self.said.append, stamp=stamp, cost=2)
        return "\n".join(self.said)


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.store.close()


def test_the_first_time_everything_is_taken_and_nothing_said(scene: Scene) -> None:
    assert scene.apply(USER + MACHINE) == ""
    assert scene.store.get(VM1) is not None
    alice = Directory(scene.store).user("ALICE@example.com")
    assert has_secret(alice, "first")
    assert not has_secret(alice, "")
    assert "first" not in repr(list(scene.store.list("Uartsim.Directory/principals")))


def test_the_same_file_again_changes_nothing(scene: Scene) -> None:
    scene.apply(USER + MACHINE)
    machine = scene.store.get(VM1)
    assert machine is not None
    scene.store.put(machine.with_properties(changed=True))
    assert scene.apply(USER + MACHINE) == ""
    machine = scene.store.get(VM1)
    assert machine is not None
    assert machine.properties["changed"] is True


def test_what_a_client_has_deleted_does_not_come_back(scene: Scene) -> None:
    scene.apply(MACHINE)
    scene.store.delete(VM1)
    assert scene.apply(MACHINE) == ""
    assert scene.store.get(VM1) is None


def test_what_is_new_in_the_file_is_added_and_said(scene: Scene) -> None:
    scene.apply(MACHINE)
    said = scene.apply(MACHINE + '[[vm]]\nname = "vm2"\n')
    assert said.startswith("new in the set-up file, and added to the state: /subscriptions/")
    assert said.endswith("/virtualMachines/vm2")
    assert len(list(scene.store.list("Microsoft.Compute/virtualMachines"))) == 2


def test_what_is_new_but_has_no_place_any_more_is_left_out_and_said(scene: Scene) -> None:
    scene.apply(MACHINE)
    scene.store.delete(VM1.parent)
    said = scene.apply(MACHINE + '[[vm]]\nname = "vm2"\n')
    assert "but not added, because its parent has been deleted: /subscriptions/" in said
    assert "added to the state" not in said
    assert list(scene.store.list("Microsoft.Compute/virtualMachines")) == []


def test_what_has_changed_in_the_file_is_kept_as_it_is_and_said(scene: Scene) -> None:
    scene.apply(USER + MACHINE)
    said = scene.apply(USER.replace("first", "second") + '[[vm]]\nname = "vm1"\nsize = "Standard_B2s"\n')
    assert "changed in the set-up file, but kept as the state has it" in said
    assert "/virtualMachines/vm1" in said
    assert "User alice@example.com" in said
    assert "second" not in said
    assert has_secret(Directory(scene.store).user("alice@example.com"), "first")


def test_what_is_gone_from_the_file_stays_and_is_said(scene: Scene) -> None:
    scene.apply(USER + MACHINE)
    said = scene.apply(USER)
    assert said.startswith("no longer in the set-up file, but kept in the state: ")
    assert scene.store.get(VM1) is not None


def test_settings_are_those_of_the_file_each_time(scene: Scene) -> None:
    scene.apply("[tenant]\ntoken_lifetime_s = 60\n[console]\nrequire_mfa = true\n")
    scene.apply("[tenant]\ntoken_lifetime_s = 90\n[gateway]\nping_every_s = 5\n")
    kept = applied_setup(scene.store)
    assert kept is not None
    assert (kept.token_lifetime_s, kept.console, kept.gateway) == (90, {}, {"ping_every_s": 5})


def test_a_file_that_was_applied_is_known_by_its_stamp(scene: Scene) -> None:
    assert applied_setup(scene.store) is None
    assert not was_applied(scene.store, "a")
    scene.apply("", stamp="a")
    assert was_applied(scene.store, "a")
    assert not was_applied(scene.store, "b")
    scene.apply("")
    assert not was_applied(scene.store, "")


def test_a_state_without_its_settings_is_said_to_be_damaged() -> None:
    store = Store(None)
    apply_setup(store, read_setup("", "t.toml", Path("/")), lambda text: None)
    (record,) = store.list("Uartsim.Setup/setups")
    store.put(replace(record, body={}))
    with pytest.raises(UsageError, match="so it is damaged: --reset-state sets it aside"):
        applied_setup(store)
    store.close()
