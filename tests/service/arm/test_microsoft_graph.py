"""Microsoft Graph as `az role assignment` and `az ad` ask it."""

from __future__ import annotations

import httpx
import pytest

from tests.service.served import Served


def test_a_user_is_found_by_the_name_to_log_in_with(service: Served, reader: httpx.Client) -> None:
    found = reader.get("/v1.0/users", params={"$filter": "userPrincipalName eq 'Owner@example.com'"}).json()["value"]
    assert [one["id"] for one in found] == [service.principal("owner").object_id]
    assert reader.get("/v1.0/users/owner@example.com").json()["id"] == found[0]["id"]
    assert reader.get(f"/v1.0/users/{found[0]['id']}").json()["userPrincipalName"] == "owner@example.com"


def test_a_service_principal_is_found_by_its_client_id(service: Served, reader: httpx.Client) -> None:
    client_id = service.principal("automation").application_id
    asked = {"$filter": f"servicePrincipalNames/any(c:c eq '{client_id}')"}
    found = reader.get("/v1.0/servicePrincipals", params=asked).json()["value"]
    assert [(one["id"], one["appId"]) for one in found] == [(service.principal("automation").object_id, client_id)]
    other = reader.get("/v1.0/servicePrincipals", params={"$filter": "servicePrincipalNames/any(c:c eq 'x')"})
    assert other.json() == {"value": []}


def test_the_kinds_of_objects_are_told_by_their_ids(service: Served, reader: httpx.Client) -> None:
    ids = [service.principal(name).object_id for name in ("owner", "automation")]
    found = reader.post("/v1.0/directoryObjects/getByIds", json={"ids": [*ids, "unknown"], "types": ["user"]}).json()
    assert {one["id"]: one["@odata.type"] for one in found["value"]} == {
        ids[0]: "#microsoft.graph.user",
        ids[1]: "#microsoft.graph.servicePrincipal",
    }


def test_a_list_has_its_own_kind_only_and_no_secrets(service: Served, reader: httpx.Client) -> None:
    users = reader.get("/v1.0/users")
    assert service.principal("automation").object_id not in users.text
    assert {"owner", "reader"} <= {one["displayName"] for one in users.json()["value"]}
    assert "ecret" not in users.text
    asked = {"$filter": "startswith(displayName,'own')"}
    assert len(reader.get("/v1.0/users", params=asked).json()["value"]) == 1


def test_the_caller_is_told_who_he_is(reader: httpx.Client, service: Served) -> None:
    assert reader.get("/v1.0/me").json()["userPrincipalName"] == "reader@example.com"
    assert service.client("automation").get("/v1.0/me").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "word"),
    [
        ("GET", "/v1.0/users?$filter=userPrincipalName ne 'x'", 400, "filter"),
        ("GET", "/v1.0/users/nobody-there@example.com", 404, "nobody-there@example.com"),
        ("GET", "/v1.0/devices", 400, "devices"),
        ("GET", "/v1.0/me/ownedObjects", 400, "me"),
        ("POST", "/v1.0/users", 400, "set-up file"),
        ("DELETE", "/v1.0/users/owner@example.com", 400, "set-up file"),
        ("POST", "/v1.0/directoryObjects/getByIds", 400, "ids"),
    ],
)
def test_what_is_not_there_is_refused_and_the_reason_is_told(
    owner: httpx.Client, method: str, path: str, status: int, word: str
) -> None:
    answer = owner.request(method, path)
    assert answer.status_code == status
    assert word in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/v1.0/users", "/v1.0/me", "/v1.0/users/owner@example.com", "/v1.0/x/y/z"])
def test_nobody_reads_the_directory_without_a_token(service: Served, path: str) -> None:
    answer = service.client(None).get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")
