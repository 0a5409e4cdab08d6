"""Microsoft.Storage, through azure-mgmt-storage and bare requests; and the serial log as a blob."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.mgmt.storage import StorageManagementClient
from azure.mgmt.storage.models import (
    IPRule,
    NetworkRuleSet,
    Sku,
    StorageAccountCheckNameAvailabilityParameters,
    StorageAccountCreateParameters,
    StorageAccountPropertiesUpdateParameters,
    StorageAccountUpdateParameters,
)

from tests.service.arm.sdk_clients import sdk_client
from tests.service.served import SUBSCRIPTION, Served, vm_id
from uartsim.service.arm.serial_log_blob import serial_log_uri
from uartsim.service.diagnostics import LOG_BYTES
from uartsim.service.store import ResourceId

ACCOUNTS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts"
VERSION = "api-version=2025-06-01"


@pytest.fixture
def sdk(service: Served) -> Iterator[Any]:
    with sdk_client(StorageManagementClient, service) as client:
        yield client


@pytest.fixture
def account(service: Served) -> Iterator[str]:
    """The name of an account of the test's own."""
    body = {"location": "West Europe", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    client = service.client("owner")
    assert client.put(f"{ACCOUNTS}/account1?{VERSION}", json=body).status_code == 200
    yield "account1"
    client.delete(f"{ACCOUNTS}/account1?{VERSION}")


def parameters(**more: Any) -> StorageAccountCreateParameters:
    return StorageAccountCreateParameters(sku=Sku(name="Standard_LRS"), kind="StorageV2", location="westeurope", **more)


def update_to(rules: NetworkRuleSet) -> StorageAccountUpdateParameters:
    return StorageAccountUpdateParameters(properties=StorageAccountPropertiesUpdateParameters(network_rule_set=rules))


def test_an_account_is_created_found_and_deleted(sdk: Any, service: Served) -> None:
    made = sdk.storage_accounts.begin_create("rg", "account2", parameters(is_hns_enabled=True)).result()
    assert made.properties.provisioning_state == "Succeeded"
    assert made.properties.is_hns_enabled is True
    assert made.properties.primary_endpoints.blob == f"{service.url}/account2/"
    assert "account2" in {one.name for one in sdk.storage_accounts.list()}
    assert "account2" in {one.name for one in sdk.storage_accounts.list_by_resource_group("rg")}
    sdk.storage_accounts.delete("rg", "account2")
    with pytest.raises(ResourceNotFoundError):
        sdk.storage_accounts.get_properties("rg", "account2")


def test_the_namespace_is_fixed_when_an_account_is_created(owner: httpx.Client, sdk: Any, account: str) -> None:
    with pytest.raises(ResourceExistsError, match="AccountPropertyCannotBeUpdated"):
        sdk.storage_accounts.begin_create("rg", account, parameters(is_hns_enabled=True)).result()
    answer = owner.patch(f"{ACCOUNTS}/{account}?{VERSION}", json={"properties": {"isHnsEnabled": True}})
    assert (answer.status_code, answer.json()["error"]["target"]) == (409, "isHnsEnabled")
    assert sdk.storage_accounts.get_properties("rg", account).properties.is_hns_enabled is False


def test_firewall_rules_are_set_and_cleared(sdk: Any, account: str) -> None:
    rules = NetworkRuleSet(default_action="Deny", ip_rules=[IPRule(ip_address_or_range="203.0.113.7")])
    changed = sdk.storage_accounts.update("rg", account, update_to(rules))
    acls = changed.properties.network_rule_set
    assert (acls.default_action, acls.bypass) == ("Deny", "AzureServices")
    assert [one.ip_address_or_range for one in acls.ip_rules] == ["203.0.113.7"]
    acls = sdk.storage_accounts.update("rg", account, update_to(NetworkRuleSet(default_action="Allow")))
    acls = acls.properties.network_rule_set
    assert (acls.default_action, acls.ip_rules) == ("Allow", [])


def test_keys_stay_the_same(sdk: Any, account: str) -> None:
    first, second = (sdk.storage_accounts.list_keys("rg", account).keys_property for _ in range(2))
    assert [one.key_name for one in first] == ["key1", "key2"]
    assert [one.value for one in first] == [one.value for one in second]
    assert first[0].value != first[1].value


def test_a_key_is_made_anew_and_the_other_stays(owner: httpx.Client, sdk: Any, account: str) -> None:
    before = [one.value for one in sdk.storage_accounts.list_keys("rg", account).keys_property]
    path = f"{ACCOUNTS}/{account}/regenerateKey?{VERSION}"
    after = [one["value"] for one in owner.post(path, json={"keyName": "key2"}).json()["keys"]]
    assert after[0] == before[0]
    assert after[1] not in before
    assert [one.value for one in sdk.storage_accounts.list_keys("rg", account).keys_property] == after
    refused = owner.post(path, json={"keyName": "key3"})
    assert (refused.status_code, refused.json()["error"]["target"]) == (400, "keyName")


def test_an_account_of_the_set_up_has_all_that_az_reads_before_it_updates_it(owner: httpx.Client) -> None:
    properties = owner.get(f"{ACCOUNTS}/bootlogs?{VERSION}").json()["properties"]
    assert properties["encryption"]["keySource"] == "Microsoft.Storage"
    assert properties["networkAcls"]["defaultAction"] == "Allow"


def test_a_firewall_of_what_is_no_address_is_refused(owner: httpx.Client, account: str) -> None:
    rules = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}, {"value": "zz"}]}
    refused = owner.patch(f"{ACCOUNTS}/{account}?{VERSION}", json={"properties": {"networkAcls": rules}})
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (400, "InvalidValuesForRequestParameters")
    assert "'zz' is not an address or a network" in error["message"]
    shown = owner.get(f"{ACCOUNTS}/{account}?{VERSION}").json()["properties"]["networkAcls"]
    assert shown["defaultAction"] == "Allow"


def test_a_name_can_be_asked_for(sdk: Any, account: str) -> None:
    def ask(name: str) -> Any:
        return sdk.storage_accounts.check_name_availability(StorageAccountCheckNameAvailabilityParameters(name=name))

    assert ask("account9").name_available is True
    assert (ask(account).name_available, ask(account).reason) == (False, "AlreadyExists")
    assert (ask("Not-A-Name").name_available, ask("Not-A-Name").reason) == (False, "AccountNameInvalid")


def test_names_are_refused_that_are_invalid_or_taken(owner: httpx.Client, sdk: Any, account: str) -> None:
    with pytest.raises(HttpResponseError, match="AccountNameInvalid"):
        sdk.storage_accounts.begin_create("rg", "No", parameters())
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg2"
    owner.put(f"{group}?api-version=2024-11-01", json={"location": "westeurope"}).raise_for_status()
    with pytest.raises(ResourceExistsError, match="StorageAccountAlreadyTaken"):
        sdk.storage_accounts.begin_create("rg2", account, parameters())
    owner.delete(f"{group}?api-version=2024-11-01").raise_for_status()


def test_an_account_does_not_move(owner: httpx.Client, account: str) -> None:
    answer = owner.put(f"{ACCOUNTS}/{account}?{VERSION}", json={"location": "eastus"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "InvalidResourceLocation")


def test_what_has_been_read_can_be_written_back(owner: httpx.Client, account: str) -> None:
    path = f"{ACCOUNTS}/{account}?{VERSION}"
    before = owner.get(path).json()
    answer = owner.put(path, json=before)
    assert answer.status_code == 200, answer.text
    assert owner.get(path).json() == before


class Log:
    """The serial log of ``vm1`` in an account, read at its signed URL."""

    def __init__(self, service: Served, account: str) -> None:
        self.service = service
        self.account = account
        self.plain = service.client(None)
        self.set_diagnostics({"enabled": True, "storageUri": f"https://{account}.blob.core.windows.net/"})

    def set_diagnostics(self, settings: dict[str, Any]) -> None:
        store = self.service.parts.store
        machine = store.get(vm_id())
        assert machine is not None
        changed = machine.with_properties(diagnosticsProfile={"bootDiagnostics": settings})
        self.service.run_sync(store.put, changed)

    def uri(self, user: str = "owner", minutes: float = 5) -> str:
        parts = self.service.parts
        caller = parts.tokens.read(self.service.token(user))
        machine = parts.store.get(vm_id())
        assert machine is not None
        return self.service.run_sync(serial_log_uri, parts, caller, machine, timedelta(minutes=minutes))

    def write(self, data: bytes) -> None:
        diagnostics = self.service.parts.diagnostics
        assert diagnostics is not None
        self.service.run_sync(diagnostics.log_of(vm_id(), storage_account=self.account).write, data)

    def change_account(self, **properties: Any) -> None:
        store = self.service.parts.store
        account = store.get(ResourceId(f"{ACCOUNTS}/{self.account}"))
        assert account is not None
        self.service.run_sync(store.put, account.with_properties(**properties))


@pytest.fixture
def log(service: Served, account: str) -> Iterator[Log]:
    log = Log(service, account)
    yield log
    log.set_diagnostics({"enabled": True})


def xml_code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.text.startswith("<?xml")
    return answer.status_code, answer.headers["x-ms-error-code"]


def test_a_signed_url_reads_the_log_without_a_token(log: Log) -> None:
    log.write(b"first line\r\n")
    answer = log.plain.get(log.uri())
    assert answer.status_code == 200
    assert b"first line" in answer.content
    assert answer.headers["x-ms-blob-type"] == "AppendBlob"
    again = log.plain.get(log.uri(), headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_a_part_of_the_log_is_read_by_its_range(log: Log) -> None:
    log.write(b"0123456789")
    uri = log.uri()
    whole = log.plain.get(uri).content
    at = whole.index(b"0123456789")
    answer = log.plain.get(uri, headers={"Range": f"bytes={at + 2}-{at + 5}"})
    assert (answer.status_code, answer.content) == (206, b"2345")
    assert answer.headers["content-range"] == f"bytes {at + 2}-{at + 5}/{len(whole)}"
    assert xml_code(log.plain.get(uri, headers={"Range": f"bytes={len(whole)}-"})) == (416, "InvalidRange")


def test_a_log_is_followed_by_its_offset_without_reading_it_again(log: Log) -> None:
    log.write(b"seen\r\n")
    uri = log.uri()
    whole = log.plain.get(uri)
    end = int(whole.headers["x-uartsim-log-offset"]) + len(whole.content)
    answer = log.plain.get(uri, headers={"x-uartsim-log-offset": str(end)})
    assert (answer.status_code, answer.content) == (200, b"")
    log.write(b"new\r\n")
    answer = log.plain.get(uri, headers={"x-uartsim-log-offset": str(end)})
    assert (answer.status_code, answer.content) == (200, b"new\r\n")
    assert answer.headers["x-uartsim-log-offset"] == str(end)
    log.write(b"x" * LOG_BYTES)  # what was asked for is gone: the answer says where it begins
    answer = log.plain.get(uri, headers={"x-uartsim-log-offset": str(end)})
    assert int(answer.headers["x-uartsim-log-offset"]) > end
    assert answer.content == b"x" * LOG_BYTES
    beyond = {"x-uartsim-log-offset": str(end + 10 * LOG_BYTES)}
    assert xml_code(log.plain.get(uri, headers=beyond)) == (416, "InvalidRange")


@pytest.mark.parametrize(
    "headers", [{"x-uartsim-log-offset": "-1"}, {"x-uartsim-log-offset": "0", "Range": "bytes=0-"}]
)
def test_an_offset_that_cannot_be_is_refused(log: Log, headers: dict[str, str]) -> None:
    log.write(b"0")
    assert xml_code(log.plain.get(log.uri(), headers=headers)) == (400, "InvalidHeaderValue")


def test_a_part_of_the_log_is_all_that_is_read_of_its_file(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.write(b"x" * LOG_BYTES)
    read: list[int] = []
    pread = os.pread

    def counted(fd: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(fd, size, at)

    uri = log.uri()
    monkeypatch.setattr(os, "pread", counted)
    assert log.plain.get(uri, headers={"Range": "bytes=10-13"}).content == b"xxxx"
    head = log.plain.head(uri)
    monkeypatch.undo()
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(LOG_BYTES))
    assert sum(read) < 1000


def test_reading_a_log_that_nobody_wrote_makes_none(log: Log) -> None:
    uri = log.uri()
    diagnostics = log.service.parts.diagnostics
    assert diagnostics is not None
    log.service.run_sync(diagnostics.remove, vm_id(), [log.account])
    before = sorted((log.service.state / "serial-logs").iterdir())
    assert xml_code(log.plain.get(uri)) == (404, "BlobNotFound")
    assert sorted((log.service.state / "serial-logs").iterdir()) == before


def test_a_url_that_is_changed_or_has_expired_is_refused(log: Log) -> None:
    uri = log.uri()
    for changed in (
        uri.replace("sp=r", "sp=rw"),
        uri.partition("?")[0],
        uri[:-4] + "AAA%3D",
        uri.replace("vm1.", "vm2."),
    ):
        assert xml_code(log.plain.get(changed)) == (403, "AuthenticationFailed")
    assert xml_code(log.plain.get(log.uri(minutes=-1))) == (403, "AuthenticationFailed")


def test_the_firewall_of_the_account_holds_for_the_log(log: Log) -> None:
    uri = log.uri()
    log.change_account(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]})
    assert xml_code(log.plain.get(uri)) == (403, "AuthorizationFailure")
    log.change_account(networkAcls={"defaultAction": "Deny", "ipRules": [{"value": "127.0.0.0/8"}, {"value": "::1"}]})
    assert log.plain.get(uri).status_code == 200
    log.change_account(publicNetworkAccess="Disabled")
    assert xml_code(log.plain.get(uri)) == (403, "AuthorizationFailure")


def test_only_who_may_read_the_account_gets_a_url(log: Log) -> None:
    assert log.uri("reader")
    with pytest.raises(Exception, match=r"Microsoft\.Storage/storageAccounts/read"):
        log.uri("nobody")


def test_no_url_is_given_while_diagnostics_are_off_or_the_account_is_gone(log: Log) -> None:
    log.set_diagnostics({"enabled": False})
    with pytest.raises(Exception, match="not enabled"):
        log.uri()
    log.set_diagnostics({"enabled": True, "storageUri": "https://gone.blob.core.windows.net/"})
    with pytest.raises(Exception, match="'gone' could not be found"):
        log.uri()


def test_managed_storage_needs_no_account(log: Log) -> None:
    log.set_diagnostics({"enabled": True})
    assert log.plain.get(log.uri()).status_code == 200
