"""The serial log at the endpoint of its storage account, read with a key of the account, as `az` and the SDKs do."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.service.served import SUBSCRIPTION, Served, vm_id

ACCOUNT = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/bootlogs"
STORAGE = "api-version=2025-06-01"


class SignedReads:
    """Reads the serial log of ``vm1`` in the account ``bootlogs`` as the SDK of Azure Storage does."""

    def __init__(self, service: Served) -> None:
        self.owner = service.client("owner")
        self._plain = service.client(None)
        self.set_diagnostics({"enabled": True, "storageUri": f"{service.url}/bootlogs/"})
        view = self.owner.get(f"{vm_id()}/instanceView?api-version=2024-11-01").json()
        self.uri = view["bootDiagnostics"]["serialConsoleLogBlobUri"]

    def set_diagnostics(self, settings: dict[str, Any]) -> None:
        body = {"properties": {"diagnosticsProfile": {"bootDiagnostics": settings}}}
        self.owner.patch(f"{vm_id()}?api-version=2024-11-01", json=body).raise_for_status()

    def change_account(self, **properties: Any) -> None:
        self.owner.patch(f"{ACCOUNT}?{STORAGE}", json={"properties": properties}).raise_for_status()

    def account_keys(self) -> list[str]:
        return [one["value"] for one in self.owner.post(f"{ACCOUNT}/listKeys?{STORAGE}").json()["keys"]]

    def get(
        self, *, key: str | None = None, bytes_range: str = "bytes=0-33554431", age_s: float = 0, query: str = ""
    ) -> httpx.Response:
        date = format_datetime(datetime.now(UTC) - timedelta(seconds=age_s), usegmt=True)
        headers = {"x-ms-date": date, "x-ms-range": bytes_range, "x-ms-version": "2025-05-05"}
        # VERB, eleven headers of HTTP that are empty, those of Azure, and the resource: the account's name is in its path too.
        signed = ["GET", *[""] * 11, *(f"{name}:{value}" for name, value in headers.items())]
        signed.append(f"/bootlogs{urlsplit(self.uri).path}")
        signed += [query.replace("=", ":")] if query else []
        text = "\n".join(signed).encode()
        signature = base64.b64encode(
            hmac.digest(base64.b64decode(key or self.account_keys()[0]), text, "sha256")
        ).decode()
        headers["Authorization"] = f"SharedKey bootlogs:{signature}"
        return self._plain.get(f"{self.uri}?{query}" if query else self.uri, headers=headers)

    def get_unsigned(self, authorization: str, date: str | None = None) -> httpx.Response:
        headers = {"x-ms-date": date or format_datetime(datetime.now(UTC), usegmt=True)}
        if authorization:
            headers["Authorization"] = authorization
        return self._plain.get(self.uri, headers=headers)


@pytest.fixture
def reads(service: Served) -> Iterator[SignedReads]:
    reads = SignedReads(service)
    diagnostics = service.parts.diagnostics
    assert diagnostics is not None
    service.run_sync(diagnostics.log_of(vm_id(), storage_account="bootlogs").write, b"a line of the guest\r\n")
    yield reads
    reads.change_account(networkAcls={"defaultAction": "Allow"}, allowSharedKeyAccess=True)
    reads.set_diagnostics({"enabled": True})


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.text.startswith("<?xml")
    return answer.status_code, answer.headers["x-ms-error-code"]


def test_the_log_is_at_the_endpoint_that_the_account_names(reads: SignedReads) -> None:
    endpoint = reads.owner.get(f"{ACCOUNT}?{STORAGE}").json()["properties"]["primaryEndpoints"]["blob"]
    assert reads.uri.startswith(endpoint)


@pytest.mark.parametrize("number", [0, 1])
def test_each_of_the_two_keys_reads_the_log(reads: SignedReads, number: int) -> None:
    answer = reads.get(key=reads.account_keys()[number])
    assert answer.status_code == 206
    assert b"a line of the guest" in answer.content


def test_parts_of_the_path_query_and_headers_are_signed(reads: SignedReads) -> None:
    assert len(reads.get(bytes_range="bytes=0-3").content) == 4
    assert b"a line of the guest" in reads.get(query="timeout=30").content


def test_a_key_that_was_made_anew_no_longer_reads_it(reads: SignedReads) -> None:
    old = reads.account_keys()[0]
    reads.owner.post(f"{ACCOUNT}/regenerateKey?{STORAGE}", json={"keyName": "key1"}).raise_for_status()
    assert refusal(reads.get(key=old)) == (403, "AuthenticationFailed")
    assert reads.get().status_code == 206


@pytest.mark.parametrize("age_s", [1000, -1000])
def test_a_signature_that_is_not_of_now_is_refused(reads: SignedReads, age_s: float) -> None:
    assert refusal(reads.get(age_s=age_s)) == (403, "AuthenticationFailed")


@pytest.mark.parametrize("authorization", ["", "Bearer x", "SharedKey", "SharedKey other:AAAA", "SharedKey bootlogs:A"])
def test_a_request_without_a_signature_is_refused(reads: SignedReads, authorization: str) -> None:
    assert refusal(reads.get_unsigned(authorization)) == (403, "AuthenticationFailed")


@pytest.mark.parametrize("date", ["yesterday", "Sat, 28 Nov 1999 10:00:00 GMT"])
def test_a_date_that_is_no_date_or_too_old_is_refused(reads: SignedReads, date: str) -> None:
    assert refusal(reads.get_unsigned("SharedKey bootlogs:AAAA", date)) == (403, "AuthenticationFailed")


def test_there_is_no_log_where_the_machine_does_not_write_one(reads: SignedReads) -> None:
    reads.set_diagnostics({"enabled": True, "storageUri": "https://other.blob.core.windows.net/"})
    assert refusal(reads.get()) == (404, "BlobNotFound")


def test_the_firewall_and_the_ban_of_keys_hold(reads: SignedReads) -> None:
    reads.change_account(networkAcls={"defaultAction": "Deny"})
    assert refusal(reads.get()) == (403, "AuthorizationFailure")
    reads.change_account(networkAcls={"defaultAction": "Allow"}, allowSharedKeyAccess=False)
    assert refusal(reads.get()) == (403, "KeyBasedAuthenticationNotPermitted")
