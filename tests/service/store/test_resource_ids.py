"""ARM ids: what they are made of, what contains them, and that case does not matter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.errors import UsageError
from uartsim.service.store import ROOT, ResourceId

GROUP = "/subscriptions/S/resourceGroups/G"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"
SEGMENT = st.text(
    st.characters(codec="utf-8", exclude_characters="/\\?#%", exclude_categories=["Cc", "Cs"]), min_size=1
)


@pytest.mark.parametrize(
    ("text", "kind", "parent"),
    [
        ("/subscriptions/S", "Microsoft.Resources/subscriptions", "/"),
        (GROUP, "Microsoft.Resources/resourceGroups", "/subscriptions/S"),
        (MACHINE, "Microsoft.Compute/virtualMachines", GROUP),
        (
            f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web/virtualMachines/0",
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines",
            f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web",
        ),
        (f"{MACHINE}/providers/Microsoft.SerialConsole/serialPorts/0", "Microsoft.SerialConsole/serialPorts", MACHINE),
        ("/providers/Microsoft.Authorization/roleAssignments/x", "Microsoft.Authorization/roleAssignments", "/"),
    ],
)
def test_an_id_knows_its_type_and_what_contains_it(text: str, kind: str, parent: str) -> None:
    assert ResourceId(text).type == kind
    assert str(ResourceId(text).parent) == parent


def test_ids_that_differ_in_case_only_are_equal() -> None:
    assert ResourceId(MACHINE) == ResourceId(MACHINE.upper().replace("/SUBSCRIPTIONS", "/subscriptions"))
    assert hash(ResourceId(MACHINE)) == hash(ResourceId(MACHINE.lower()))
    assert str(ResourceId(MACHINE)) == MACHINE


def test_an_id_is_within_all_its_scopes_and_not_within_a_namesake() -> None:
    assert [str(scope) for scope in ResourceId(MACHINE).scopes()] == [MACHINE, GROUP, "/subscriptions/S", "/"]
    assert all(ResourceId(MACHINE).is_within(scope) for scope in ResourceId(MACHINE).scopes())
    assert not ResourceId(f"{MACHINE}0").is_within(ResourceId(MACHINE))


@pytest.mark.parametrize("text", ["", "subscriptions/S", "/a//b", "/a/b\n", "/a?b", "/a/%2F", "//"])
def test_what_is_not_an_id_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a resource id"):
        ResourceId(text)


@given(st.lists(SEGMENT, min_size=1, max_size=12))
def test_every_id_is_written_as_it_was_read_and_ends_at_the_root(segments: list[str]) -> None:
    found = ResourceId("/" + "/".join(segments))
    assert found.segments == tuple(segments)
    assert ResourceId(str(found)) == found
    scopes = list(found.scopes())
    assert scopes[-1] == ROOT
    assert len(scopes) <= len(segments) + 1
