"""Who may do what: roles by their actions, at a scope and below it, and locks."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim.service.arm_error import ArmError
from uartsim.service.identity.authorisation import Authorisation
from uartsim.service.identity.builtin_roles import (
    CONTRIBUTOR,
    LEAST_PRIVILEGE,
    OWNER,
    READER,
    VIRTUAL_MACHINE_CONTRIBUTOR,
    definition_id,
    role_properties,
)
from uartsim.service.identity.callers import Caller
from uartsim.service.identity.directory import Directory, Principal, PrincipalKind
from uartsim.service.store import ROOT, Resource, ResourceId, Store

ALICE = "11111111-0000-4000-8000-000000000001"
TEAM = "11111111-0000-4000-8000-000000000009"
SUBSCRIPTION = ResourceId("/subscriptions/S")
GROUP = SUBSCRIPTION / "resourceGroups/G"
MACHINE = GROUP / "providers/Microsoft.Compute/virtualMachines/vm1"
PORT = MACHINE / "providers/Microsoft.SerialConsole/serialPorts/0"
CONNECT = "Microsoft.SerialConsole/serialPorts/connect/action"
READ = "Microsoft.Compute/virtualMachines/read"
WRITE = "Microsoft.Compute/virtualMachines/write"
DELETE = "Microsoft.Compute/virtualMachines/delete"
ASSIGN = "Microsoft.Authorization/roleAssignments/write"


class Scene:
    """A store with its authorisation, and the caller Alice."""

    def __init__(self) -> None:
        self.store = Store(None)
        self.authorisation = Authorisation(self.store)
        self.alice = Caller(ALICE, "alice@example.com", "T", 0.0, multi_factor=False, claims={})

    def assign(
        self, role: str, scope: ResourceId = SUBSCRIPTION, principal: str = ALICE, name: str = "a"
    ) -> ResourceId:
        under = str(scope).rstrip("/")
        assignment = ResourceId(f"{under}/providers/Microsoft.Authorization/roleAssignments/{name}")
        properties = {"roleDefinitionId": str(definition_id(role)).upper(), "principalId": principal.upper()}
        self.store.put(Resource(assignment, {"properties": properties}))
        return assignment

    def define(self, role: str, actions: tuple[str, ...], not_actions: tuple[str, ...] = ()) -> None:
        self.store.put(Resource(definition_id(role), {"properties": role_properties(role, "", actions, not_actions)}))

    def lock(self, level: str, scope: ResourceId) -> ResourceId:
        lock = ResourceId(f"{str(scope).rstrip('/')}/providers/Microsoft.Authorization/locks/l")
        self.store.put(Resource(lock, {"properties": {"level": level}}))
        return lock

    def may(self, action: str, scope: ResourceId = MACHINE) -> bool:
        return self.authorisation.may(self.alice, action, scope)

    def refusal(self, action: str, scope: ResourceId = MACHINE) -> ArmError:
        with pytest.raises(ArmError) as refused:
            self.authorisation.check(self.alice, action, scope)
        return refused.value


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("role", "granted"),
    [
        (READER, {READ}),
        (VIRTUAL_MACHINE_CONTRIBUTOR, {READ, WRITE, DELETE, CONNECT}),
        (CONTRIBUTOR, {READ, WRITE, DELETE, CONNECT}),
        (OWNER, {READ, WRITE, DELETE, CONNECT, ASSIGN}),
    ],
)
def test_a_built_in_role_grants_what_azures_does(scene: Scene, role: str, granted: set[str]) -> None:
    scene.assign(role)
    assert {action for action in (READ, WRITE, DELETE, CONNECT, ASSIGN) if scene.may(action)} == granted


def test_only_who_may_write_to_a_subscription_may_disable_its_console(scene: Scene) -> None:
    disable = "Microsoft.SerialConsole/consoleServices/disableConsole/action"
    scene.assign(VIRTUAL_MACHINE_CONTRIBUTOR)
    assert not scene.may(disable, SUBSCRIPTION)
    scene.assign(CONTRIBUTOR)
    assert scene.may(disable, SUBSCRIPTION)


def test_a_role_of_the_least_actions_grants_these_and_no_more(scene: Scene) -> None:
    scene.define("least", LEAST_PRIVILEGE)
    scene.assign("least")
    assert all(scene.may(action) for action in LEAST_PRIVILEGE)
    assert not scene.may(DELETE)
    assert not scene.may("Microsoft.Compute/virtualMachines/deallocate/action")


def test_without_a_role_nothing_may_be_done_and_the_text_is_azures(scene: Scene) -> None:
    error = scene.refusal(CONNECT, PORT)
    assert (error.status, error.code) == (403, "AuthorizationFailed")
    assert error.message == (
        f"The client 'alice@example.com' with object id '{ALICE}' does not have authorization to perform action "
        f"'{CONNECT}' over scope '{PORT}' or the scope is invalid. If access was recently granted, please refresh your "
        "credentials."
    )


@pytest.mark.parametrize("scope", [ROOT, SUBSCRIPTION, GROUP, MACHINE, PORT])
def test_a_role_holds_at_its_scope_and_below(scene: Scene, scope: ResourceId) -> None:
    scene.assign(OWNER, scope)
    assert scene.may(CONNECT, PORT)
    assert scene.may(WRITE, scope)
    above = [one for one in PORT.scopes() if one != scope and scope.is_within(one)]
    assert not any(scene.may(WRITE, one) for one in above)


def test_a_role_on_a_machine_is_none_on_its_neighbour(scene: Scene) -> None:
    scene.assign(OWNER, MACHINE)
    assert not scene.may(READ, ResourceId(f"{MACHINE}0"))


def test_a_role_can_be_withdrawn_at_any_time(scene: Scene) -> None:
    assignment = scene.assign(OWNER)
    assert scene.may(CONNECT)
    scene.store.delete(assignment)
    assert not scene.may(CONNECT)


def test_a_role_that_is_changed_has_its_new_actions(scene: Scene) -> None:
    scene.define("custom", (READ,))
    scene.assign("custom")
    assert not scene.may(WRITE)
    scene.define("custom", (WRITE,))
    assert scene.may(WRITE)
    assert not scene.may(READ)


def test_what_one_role_takes_back_another_can_grant(scene: Scene) -> None:
    scene.define("most", ("*",), ("Microsoft.SerialConsole/*",))
    scene.assign("most")
    assert scene.may(WRITE)
    assert not scene.may(CONNECT)
    scene.define("console", (CONNECT,))
    scene.assign("console", name="b")
    assert scene.may(CONNECT)


def test_a_role_of_a_group_is_its_members(scene: Scene) -> None:
    scene.assign(OWNER, principal=TEAM)
    assert not scene.may(READ)
    Directory(scene.store).put(Principal(ALICE, PrincipalKind.USER, "alice@example.com", groups=(TEAM,)))
    assert scene.may(READ)


@pytest.mark.parametrize("scope", [SUBSCRIPTION, GROUP, MACHINE])
def test_a_read_only_lock_leaves_reading_only(scene: Scene, scope: ResourceId) -> None:
    scene.assign(OWNER)
    scene.lock("ReadOnly", scope)
    scene.authorisation.check(scene.alice, READ, MACHINE)
    for action, word in ((CONNECT, "write"), (WRITE, "write"), (DELETE, "delete")):
        error = scene.refusal(action)
        assert (error.status, error.code) == (409, "ScopeLocked")
        assert error.message == (
            f"The scope '{MACHINE}' cannot perform {word} operation because following scope(s) are locked: '{scope}'. "
            "Please remove the lock and try again."
        )


def test_a_lock_against_deleting_leaves_the_rest_and_protects_what_is_around_it(scene: Scene) -> None:
    scene.assign(OWNER)
    lock = scene.lock("CanNotDelete", MACHINE)
    scene.authorisation.check(scene.alice, CONNECT, PORT)
    assert scene.refusal(DELETE).code == "ScopeLocked"
    assert scene.refusal("Microsoft.Resources/subscriptions/resourceGroups/delete", GROUP).code == "ScopeLocked"
    scene.authorisation.check(scene.alice, "Microsoft.Authorization/locks/delete", lock)
    scene.store.delete(lock)
    scene.authorisation.check(scene.alice, DELETE, MACHINE)


def test_who_has_no_role_does_not_learn_of_locks(scene: Scene) -> None:
    scene.lock("ReadOnly", MACHINE)
    assert scene.refusal(WRITE).code == "AuthorizationFailed"


@given(st.lists(st.sampled_from(["a", "b", "/", "*"]), max_size=8), st.text("ab/", max_size=12))
def test_a_wildcard_stands_for_any_text(pattern: list[str], action: str) -> None:
    def fits(rest: list[str], text: str) -> bool:
        if not rest:
            return not text
        if rest[0] == "*":
            return any(fits(rest[1:], text[at:]) for at in range(len(text) + 1))
        return text.startswith(rest[0]) and fits(rest[1:], text[1:])

    scene = Scene()
    scene.define("custom", ("".join(pattern).upper(),))
    scene.assign("custom")
    assert scene.may(action) is fits(pattern, action)
    scene.store.close()


def test_a_hostile_wildcard_takes_no_time(scene: Scene) -> None:
    scene.define("custom", ("*a" * 5000 + "b",))
    scene.assign("custom")
    started = time.process_time()
    assert not scene.may("a" * 20000)
    assert time.process_time() - started < 5
