"""Microsoft.Resources: tenants, subscriptions, groups, lists of resources, providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.service.served import SUBSCRIPTION, Served
from uartsim.service.arm.api_versions import API_VERSIONS

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
VERSION = "api-version=2024-11-01"


@pytest.fixture
def group(owner: httpx.Client) -> Iterator[str]:
    """The path of a resource group of the test's own."""
    path = f"{SCOPE}/resourceGroups/mine"
    owner.put(f"{path}?{VERSION}", json={"location": "West Europe", "tags": {"team": "red"}}).raise_for_status()
    yield path
    owner.delete(f"{path}?{VERSION}")


def error_code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["value"]]


def test_what_a_login_asks_for_is_there(service: Served, owner: httpx.Client) -> None:
    [found] = owner.get("/subscriptions?api-version=2022-12-01").json()["value"]
    assert (found["subscriptionId"], found["displayName"], found["state"]) == (SUBSCRIPTION, "Example", "Enabled")
    [tenant] = owner.get("/tenants?api-version=2022-12-01").json()["value"]
    assert tenant["tenantId"] == found["tenantId"] == service.parts.tokens.tenant_id
    assert owner.get(f"{SCOPE}?api-version=2022-12-01").json() == found
    regions = owner.get(f"{SCOPE}/locations?api-version=2022-12-01").json()["value"]
    pairs = {one["name"]: one["metadata"]["pairedRegion"][0]["name"] for one in regions}
    assert pairs["westeurope"] == "northeurope"


def test_a_subscription_is_shown_to_those_who_have_a_role_there(service: Served) -> None:
    nobody = service.client("nobody")
    assert nobody.get("/subscriptions?api-version=2022-12-01").json()["value"] == []
    assert error_code(nobody.get(f"{SCOPE}?api-version=2022-12-01")) == (403, "AuthorizationFailed")


def test_a_missing_subscription_is_said_in_both_forms(owner: httpx.Client) -> None:
    path = "/subscriptions/0/providers/Microsoft.SerialConsole/consoleServices/default?api-version=2018-05-01"
    answer = owner.get(path)
    assert error_code(answer) == (404, "SubscriptionNotFound")
    assert answer.json()["code"] == "SubscriptionNotFound"
    assert answer.json()["message"] == "The subscription '0' could not be found."


def test_a_group_is_made_changed_and_deleted(owner: httpx.Client, group: str) -> None:
    path = f"{group}?{VERSION}"
    assert owner.head(path).status_code == 204
    assert owner.put(path, json={"location": "westeurope"}).status_code == 200
    assert owner.patch(path, json={"tags": {"team": "blue"}}).json()["tags"] == {"team": "blue"}
    assert owner.get(path).json()["properties"] == {"provisioningState": "Succeeded"}
    assert error_code(owner.put(path, json={"location": "eastus"})) == (409, "InvalidResourceGroupLocation")
    assert owner.delete(path).status_code == 200
    assert owner.head(path).status_code == 404
    assert error_code(owner.delete(path)) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize("name", ["ends.", "a b", "x" * 91, "semi;colon"])
def test_a_groups_name_has_rules(owner: httpx.Client, name: str) -> None:
    answer = owner.put(f"{SCOPE}/resourceGroups/{name}?{VERSION}", json={"location": "westeurope"})
    assert error_code(answer) == (400, "InvalidResourceGroup")


def test_a_deleted_group_takes_its_resources_along(owner: httpx.Client, group: str) -> None:
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/short?api-version=2025-06-01"
    owner.put(account, json={"location": "westeurope"}).raise_for_status()
    owner.delete(f"{group}?{VERSION}").raise_for_status()
    assert error_code(owner.get(account)) == (404, "ResourceGroupNotFound")
    owner.put(f"{group}?{VERSION}", json={"location": "westeurope"}).raise_for_status()
    assert error_code(owner.get(account)) == (404, "ResourceNotFound")


def test_groups_are_listed_to_those_who_may_read_them(service: Served, owner: httpx.Client, group: str) -> None:
    path = f"{SCOPE}/resourceGroups?{VERSION}"
    assert names(owner.get(path)) == ["mine", "rg"]
    assert names(owner.get(f"{path}&$filter=tagName eq 'team' and tagValue eq 'red'")) == ["mine"]
    assert names(service.client("nobody").get(path)) == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["vm1", "web", "bootlogs"]),
        ("&$filter=resourceType eq 'Microsoft.Compute/virtualMachines'", ["vm1"]),
        ("&$filter=resourceType eq 'microsoft.storage/storageaccounts' and resourceGroup eq 'RG'", ["bootlogs"]),
        ("&$filter=name eq 'web'", ["web"]),
        ("&$filter=substringof('oot', name)", ["bootlogs"]),
        ("&$filter=startswith(name, 'w')", ["web"]),
        ("&$filter=location eq 'nowhere'", []),
    ],
)
def test_resources_are_listed_by_type_group_and_name(reader: httpx.Client, query: str, expected: list[str]) -> None:
    for scope in (SCOPE, f"{SCOPE}/resourceGroups/rg"):
        found = names(reader.get(f"{scope}/resources?{VERSION}{query}"))
        assert set(found) >= set(expected)
        assert not {"0", "1"} & set(found)
        if query:
            assert found == expected


def test_long_lists_come_in_pages(owner: httpx.Client) -> None:
    found: list[str] = []
    url = f"{SCOPE}/resources?{VERSION}&$top=1&$filter=resourceGroup eq 'rg'"
    while url:
        page: dict[str, Any] = owner.get(url).json()
        assert len(page["value"]) == 1
        found += [one["name"] for one in page["value"]]
        url = page.get("nextLink", "")
    assert found == names(owner.get(f"{SCOPE}/resources?{VERSION}"))


@pytest.mark.parametrize("query", ["$skiptoken=abc", "$skiptoken=-1", "$top=0", "$top=many", "$filter=name"])
def test_a_query_that_cannot_be_is_refused(owner: httpx.Client, query: str) -> None:
    assert owner.get(f"{SCOPE}/resources?{VERSION}&{query}").status_code == 400


def test_providers_name_their_types_and_api_versions(owner: httpx.Client) -> None:
    found = {one["namespace"]: one for one in owner.get(f"{SCOPE}/providers?{VERSION}").json()["value"]}
    assert set(found) == set(API_VERSIONS)
    compute = {one["resourceType"]: one for one in found["Microsoft.Compute"]["resourceTypes"]}
    assert {"virtualMachines", "virtualMachineScaleSets", "virtualMachineScaleSets/virtualMachines"} <= set(compute)
    assert compute["virtualMachines"]["apiVersions"][-1] == API_VERSIONS["Microsoft.Compute"][0]
    console = owner.get(f"/providers/microsoft.serialconsole?{VERSION}").json()
    assert {one["resourceType"] for one in console["resourceTypes"]} == {"consoleServices", "operations", "serialPorts"}
    registered = owner.post(f"{SCOPE}/providers/Microsoft.SerialConsole/register?{VERSION}").json()
    assert registered["registrationState"] == "Registered"
    assert error_code(owner.get(f"{SCOPE}/providers/Microsoft.Nothing?{VERSION}")) == (404, "InvalidResourceNamespace")


@pytest.mark.parametrize("kind", ["networkInterfaces", "publicIPAddresses"])
def test_there_is_no_network_and_az_is_told_so(owner: httpx.Client, kind: str) -> None:
    subscription = f"/subscriptions/{SUBSCRIPTION}"
    for scope in (subscription, f"{subscription}/resourceGroups/rg"):
        answer = owner.get(f"{scope}/providers/Microsoft.Network/{kind}?api-version=2022-01-01")
        assert (answer.status_code, answer.json()) == (200, {"value": []})
