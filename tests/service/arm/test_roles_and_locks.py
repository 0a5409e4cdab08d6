"""Microsoft.Authorization: role definitions, role assignments, permissions and locks."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.served import SUBSCRIPTION, Served, vm_id

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
GROUP = f"{SCOPE}/resourceGroups/rg"
AUTHORIZATION = "providers/Microsoft.Authorization"
VERSION = "api-version=2022-04-01"
LOCK_VERSION = "api-version=2016-09-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONNECT = f"{vm_id()}/providers/Microsoft.SerialConsole/serialPorts/0/connect?api-version=2024-07-01"


def error_code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def definition(role_id: str) -> str:
    return f"{SCOPE}/{AUTHORIZATION}/roleDefinitions/{role_id}"


def role(name: str, *actions: str, scopes: tuple[str, ...] = (SCOPE,)) -> dict[str, Any]:
    properties = {"roleName": name, "permissions": [{"actions": list(actions)}], "assignableScopes": list(scopes)}
    return {"properties": properties}


def assignment_of(service: Served, user: str, role_id: str) -> dict[str, Any]:
    properties = {"roleDefinitionId": definition(role_id), "principalId": service.principal(user).object_id}
    return {"properties": properties}


@pytest.fixture
def assignment(owner: httpx.Client) -> Iterator[str]:
    """The path of a role assignment at the group, which the test makes and need not remove."""
    path = f"{GROUP}/{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}?{VERSION}"
    yield path
    owner.delete(path)


def test_roles_are_found_by_their_names(owner: httpx.Client) -> None:
    path = f"{SCOPE}/{AUTHORIZATION}/roleDefinitions?{VERSION}"
    [found] = owner.get(f"{path}&$filter=roleName eq 'virtual machine contributor'").json()["value"]
    assert found["name"] == "9980e02c-c2be-4d73-94e8-173b1dc7cf3c"
    assert found["id"] == definition(found["name"])
    [custom] = owner.get(f"{path}&$filter=type eq 'CustomRole'").json()["value"]
    assert custom["properties"]["roleName"] == "Serial Console Operator"


def test_a_filter_that_is_not_understood_is_refused(owner: httpx.Client) -> None:
    for wrong in ("roleName ne 'x'", "roleName eq x", "color eq 'red'", "roleName eq 'a' or roleName eq 'b'"):
        answer = owner.get(f"{SCOPE}/{AUTHORIZATION}/roleDefinitions?{VERSION}&$filter={wrong}")
        assert error_code(answer) == (400, "InvalidFilterInQueryString")


def test_a_role_gives_what_it_has_until_it_is_withdrawn(service: Served, owner: httpx.Client, assignment: str) -> None:
    nobody = service.client("nobody")
    group = f"{GROUP}?api-version=2024-11-01"
    assert nobody.get(group).status_code == 403
    assert nobody.get("/subscriptions?api-version=2022-12-01").json()["value"] == []
    body = assignment_of(service, "nobody", READER)
    assert owner.put(assignment, json=body).status_code == 201
    assert owner.put(assignment, json=body).status_code == 200
    assert nobody.get(group).status_code == 200
    assert len(nobody.get("/subscriptions?api-version=2022-12-01").json()["value"]) == 1
    assert [owner.delete(assignment).status_code for _ in range(2)] == [200, 204]
    assert nobody.get(group).status_code == 403


def test_a_custom_role_is_made_assigned_and_deleted(service: Served, owner: httpx.Client, assignment: str) -> None:
    path = f"{definition(str(uuid.uuid4()))}?{VERSION}"
    role_id = path.partition("?")[0].rpartition("/")[2]
    assert owner.put(path, json=role("Group Reader", "Microsoft.Resources/*/read")).status_code == 201
    owner.put(assignment, json=assignment_of(service, "nobody", role_id)).raise_for_status()
    nobody = service.client("nobody")
    permissions = nobody.get(f"{GROUP}/{AUTHORIZATION}/permissions?{VERSION}")
    assert permissions.status_code == 403
    assert nobody.get(f"{GROUP}?api-version=2024-11-01").status_code == 200
    assert error_code(owner.delete(path)) == (409, "RoleDefinitionHasAssignments")
    owner.delete(assignment).raise_for_status()
    assert [owner.delete(path).status_code for _ in range(2)] == [200, 204]


def test_what_a_caller_may_do_is_listed(service: Served) -> None:
    answer = service.client("reader").get(f"{GROUP}/{AUTHORIZATION}/permissions?{VERSION}")
    assert [one["actions"] for one in answer.json()["value"]] == [["*/read"]]


def test_roles_are_refused_that_cannot_be(service: Served, owner: httpx.Client) -> None:
    fresh = str(uuid.uuid4())
    assert error_code(owner.put(f"{definition('x')}?{VERSION}", json=role("a"))) == (400, "InvalidRoleDefinitionId")
    built_in = owner.put(f"{definition(READER)}?{VERSION}", json=role("Mine"))
    assert error_code(built_in) == (403, "RoleDefinitionUpdateNotPermitted")
    same_name = owner.put(f"{definition(fresh)}?{VERSION}", json=role("serial console operator"))
    assert error_code(same_name) == (409, "RoleDefinitionWithSameNameExists")
    no_scope = owner.put(f"{definition(fresh)}?{VERSION}", json=role("Other", scopes=("nowhere",)))
    assert no_scope.status_code == 400
    contributor = service.client("contributor").put(f"{definition(fresh)}?{VERSION}", json=role("Other"))
    assert error_code(contributor) == (403, "AuthorizationFailed")
    assert error_code(owner.get(f"{definition(fresh)}?{VERSION}")) == (404, "RoleDefinitionDoesNotExist")


def test_assignments_are_refused_that_cannot_be(service: Served, owner: httpx.Client, assignment: str) -> None:
    body = assignment_of(service, "nobody", READER)
    nameless = f"{GROUP}/{AUTHORIZATION}/roleAssignments/mine?{VERSION}"
    assert error_code(owner.put(nameless, json=body)) == (400, "InvalidRoleAssignmentId")
    stranger = {"properties": {**body["properties"], "principalId": str(uuid.uuid4())}}
    assert error_code(owner.put(assignment, json=stranger)) == (400, "PrincipalNotFound")
    no_role = assignment_of(service, "nobody", str(uuid.uuid4()))
    assert error_code(owner.put(assignment, json=no_role)) == (400, "RoleDefinitionDoesNotExist")
    owner.put(assignment, json=body).raise_for_status()
    other = assignment_of(service, "nobody", "b24988ac-6180-42a0-ab88-20f7382dd24c")
    assert error_code(owner.put(assignment, json=other)) == (409, "RoleAssignmentUpdateNotPermitted")
    again = f"{GROUP}/{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}?{VERSION}"
    assert error_code(owner.put(again, json=body)) == (409, "RoleAssignmentExists")
    missing = f"{GROUP}x/{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}?{VERSION}"
    assert error_code(owner.put(missing, json=body)) == (404, "ResourceGroupNotFound")


def test_a_role_is_assigned_within_its_scopes_only(service: Served, owner: httpx.Client) -> None:
    role_id = str(uuid.uuid4())
    owner.put(
        f"{definition(role_id)}?{VERSION}", json=role("Of The Group", "*/read", scopes=(GROUP,))
    ).raise_for_status()
    above = f"{SCOPE}/{AUTHORIZATION}/roleAssignments/{uuid.uuid4()}?{VERSION}"
    answer = owner.put(above, json=assignment_of(service, "nobody", role_id))
    assert error_code(answer) == (400, "RoleAssignmentScopeNotAssignableToRoleDefinition")
    owner.delete(f"{definition(role_id)}?{VERSION}").raise_for_status()


def test_assignments_are_listed_by_scope_and_principal(service: Served, owner: httpx.Client, assignment: str) -> None:
    nobody = service.principal("nobody").object_id
    owner.put(assignment, json=assignment_of(service, "nobody", READER)).raise_for_status()

    def names(scope: str, terms: str) -> list[str]:
        answer = owner.get(f"{scope}/{AUTHORIZATION}/roleAssignments?{VERSION}&$filter={terms}")
        return [one["properties"]["principalId"] for one in answer.json()["value"]]

    assert names(SCOPE, f"principalId eq '{nobody}'") == [nobody]
    assert names(str(vm_id()), f"assignedTo('{nobody}')") == [nobody]
    assert names(SCOPE, f"atScope() and principalId eq '{nobody}'") == []
    assert nobody not in names(SCOPE, "atScope()")


def test_a_lock_keeps_even_an_owner_from_a_console(owner: httpx.Client) -> None:
    lock = f"{vm_id()}/{AUTHORIZATION}/locks/keep?{LOCK_VERSION}"
    body = {"properties": {"level": "ReadOnly", "notes": "as it is"}}
    assert [owner.put(lock, json=body).status_code for _ in range(2)] == [201, 200]
    try:
        assert error_code(owner.post(CONNECT)) == (409, "ScopeLocked")
        assert owner.get(lock).json()["properties"] == body["properties"]
        assert [one["name"] for one in owner.get(f"{SCOPE}/{AUTHORIZATION}/locks?{LOCK_VERSION}").json()["value"]] == [
            "keep"
        ]
        here = owner.get(f"{SCOPE}/{AUTHORIZATION}/locks?{LOCK_VERSION}&$filter=atScope()")
        assert here.json()["value"] == []
    finally:
        assert [owner.delete(lock).status_code for _ in range(2)] == [200, 204]
    assert owner.post(CONNECT).status_code == 200


def test_a_lock_is_for_owners_only_and_has_a_level(service: Served, owner: httpx.Client) -> None:
    lock = f"{GROUP}/{AUTHORIZATION}/locks/keep?{LOCK_VERSION}"
    body = {"properties": {"level": "ReadOnly"}}
    assert error_code(service.client("contributor").put(lock, json=body)) == (403, "AuthorizationFailed")
    wrong = owner.put(lock, json={"properties": {"level": "NotSpecified"}})
    assert error_code(wrong) == (400, "InvalidRequestContent")
    long_name = owner.put(lock.replace("keep", "k" * 91), json=body)
    assert error_code(long_name) == (400, "InvalidRequestContent")
    assert error_code(owner.get(lock)) == (404, "ResourceNotFound")
