"""The checks that every request goes through, and the errors that they answer."""

from __future__ import annotations

import logging
import uuid
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.service.served import SUBSCRIPTION, Served
from uartsim.service.arm.api_versions import API_VERSIONS
from uartsim.service.arm.dispatcher import MOST_BYTES
from uartsim.service.portal.page_files import why_missing

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm1"
CONSOLE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.SerialConsole/consoleServices/default"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/bootlogs"
CONSOLE_VERSION = "api-version=2024-07-01"
GROUP_VERSION = "api-version=2024-11-01"
STORAGE_VERSION = "api-version=2025-06-01"


def code(answer: httpx.Response, status: int) -> str:
    """The code of an error, of which the form is checked."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["message"]
    return str(error["code"])


def test_a_request_without_a_token_is_refused(service: Served) -> None:
    answer = service.client(None).get(f"{CONSOLE}?{CONSOLE_VERSION}")
    assert code(answer, 401) == "AuthenticationFailed"
    assert answer.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("header", ["Basic b3duZXI6c2VjcmV0", "Bearer", "Bearer abc.def.ghi", "bearer é"])
def test_a_header_that_is_not_a_token_of_ours_is_refused(service: Served, header: str) -> None:
    answer = service.client(None).get(f"{CONSOLE}?{CONSOLE_VERSION}", headers={b"Authorization": header.encode()})
    assert code(answer, 401) in {"AuthenticationFailed", "InvalidAuthenticationToken"}


def test_an_expired_token_is_refused(service: Served) -> None:
    answer = service.client("owner", lifetime_s=-1).get(f"{CONSOLE}?{CONSOLE_VERSION}")
    assert code(answer, 401) == "ExpiredAuthenticationToken"


def test_an_api_version_is_required(owner: httpx.Client) -> None:
    assert code(owner.get(CONSOLE), 400) == "MissingApiVersionParameter"
    assert code(owner.get(f"{CONSOLE}?api-version="), 400) == "MissingApiVersionParameter"


def test_an_unknown_api_version_is_answered_with_those_that_are_known(owner: httpx.Client) -> None:
    answer = owner.get(f"{CONSOLE}?api-version=2019-01-01")
    assert code(answer, 400) == "NoRegisteredProviderFound"
    assert "'2018-05-01, 2023-01-01, 2024-07-01'" in answer.json()["error"]["message"]
    answer = owner.get("/subscriptions?api-version=1999-01-01")
    assert code(answer, 400) == "InvalidApiVersionParameter"
    assert "2022-12-01" in answer.json()["error"]["message"]


@pytest.mark.parametrize("version", API_VERSIONS["Microsoft.SerialConsole"])
def test_all_api_versions_have_the_same_body(owner: httpx.Client, version: str) -> None:
    answer = owner.get(f"{CONSOLE}?api-version={version}")
    assert answer.json() == {"properties": {"disabled": False}}


def test_the_name_of_the_parameter_api_version_has_no_case(owner: httpx.Client) -> None:
    assert owner.get(f"{CONSOLE}?API-Version=2024-07-01").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/somewhere/else", 404, "MissingSubscription"),
        ("/providers/Microsoft.Nothing/things", 404, "InvalidResourceNamespace"),
        (f"{GROUP}/providers/Microsoft.Nothing/things/a", 404, "InvalidResourceNamespace"),
        (f"{GROUP}/providers/Microsoft.SerialConsole/nothings/a", 404, "InvalidResourceType"),
        (f"/subscriptions/{SUBSCRIPTION}/nothing", 404, "InvalidUri"),
        (f"/subscriptions/{uuid.UUID(int=7)}/resourceGroups", 404, "SubscriptionNotFound"),
        (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/missing", 404, "ResourceGroupNotFound"),
        (f"{ACCOUNT}x", 404, "ResourceNotFound"),
        (f"{VM}x/providers/Microsoft.SerialConsole/serialPorts/0", 404, "ParentResourceNotFound"),
        (f"{VM}/providers/Microsoft.SerialConsole/serialPorts/7", 404, "ResourceNotFound"),
    ],
)
def test_what_is_not_there_is_named(owner: httpx.Client, path: str, status: int, expected: str) -> None:
    version = {"SerialConsole": CONSOLE_VERSION, "Storage": STORAGE_VERSION}
    query = next((one for word, one in version.items() if f"Microsoft.{word}" in path), GROUP_VERSION)
    assert code(owner.get(f"{path}?{query}"), status) == expected


def test_the_text_for_a_missing_resource_is_azures(owner: httpx.Client) -> None:
    answer = owner.get(f"{ACCOUNT}x?{STORAGE_VERSION}")
    assert answer.json()["error"]["message"] == (
        "The Resource 'Microsoft.Storage/storageAccounts/bootlogsx' under resource group 'rg' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )


def test_a_wrong_method_is_answered_with_the_right_ones(owner: httpx.Client) -> None:
    answer = owner.request("PATCH", f"{CONSOLE}?{CONSOLE_VERSION}")
    assert code(answer, 405) == "MethodNotAllowed"
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS", "PROPFIND"])
def test_methods_that_nothing_has_are_refused(owner: httpx.Client, method: str) -> None:
    assert code(owner.request(method, f"{CONSOLE}?{CONSOLE_VERSION}"), 405) == "MethodNotAllowed"


def test_what_answers_get_answers_head_without_a_body(owner: httpx.Client) -> None:
    got, head = (owner.request(method, f"{CONSOLE}?{CONSOLE_VERSION}") for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


def test_paths_have_no_case_and_quoted_slashes_count(owner: httpx.Client) -> None:
    assert owner.get(f"{CONSOLE.upper()}?{CONSOLE_VERSION}").status_code == 200
    port = "/providers/Microsoft.SerialConsole/serialPorts/0"
    instance = f"{GROUP}/providers/Microsoft.Compute/virtualMachineScaleSets/web%2FvirtualMachines%2F1{port}"
    answer = owner.get(f"{instance}?{CONSOLE_VERSION}")
    assert answer.json()["id"].endswith(f"/virtualMachineScaleSets/web/virtualMachines/1{port}")


def test_a_role_that_lacks_the_action_is_refused(service: Served) -> None:
    answer = service.client("reader").request("PATCH", f"{ACCOUNT}?{STORAGE_VERSION}", json={"tags": {"a": "b"}})
    assert code(answer, 403) == "AuthorizationFailed"
    assert "Microsoft.Storage/storageAccounts/write" in answer.json()["error"]["message"]


def test_who_may_not_read_does_not_learn_what_is_there(service: Served) -> None:
    nobody = service.client("nobody")
    for group in ("rg", "missing"):
        answer = nobody.get(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}?{GROUP_VERSION}")
        assert code(answer, 403) == "AuthorizationFailed"


@pytest.mark.parametrize(
    "body", [b"{", b"[1,", b'{"location": NaN}', b'{"location": 1e999}', b"[" * 100_000, b"\xff\xfe\x00", b'"\\ud800"x']
)
def test_a_body_that_is_not_json_is_refused(owner: httpx.Client, body: bytes) -> None:
    answer = owner.put(f"{ACCOUNT}?{STORAGE_VERSION}", content=body, headers={"Content-Type": "application/json"})
    assert code(answer, 400) == "InvalidRequestContent"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "the body"),
        ({}, "location"),
        ({"location": 5}, "location"),
        ({"location": "westeurope", "properties": {"isHnsEnabled": "yes"}}, "properties.isHnsEnabled"),
        ({"location": "westeurope", "properties": {"networkAcls": {"defaultAction": "Ask"}}}, "Allow, Deny"),
        ({"location": "westeurope", "properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [7]}}}, "[0]"),
        ({"location": "westeurope", "tags": {"a": 5}}, "tags.a"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused_by_the_name_of_what_is_wrong(
    owner: httpx.Client, body: object, named: str
) -> None:
    answer = owner.put(f"{ACCOUNT}?{STORAGE_VERSION}", json=body)
    assert code(answer, 400) == "InvalidRequestContent"
    assert named in answer.json()["error"]["message"]


def test_a_body_that_is_missing_is_refused(owner: httpx.Client) -> None:
    assert code(owner.put(f"{ACCOUNT}?{STORAGE_VERSION}"), 400) == "InvalidRequestContent"


def test_a_body_of_another_type_is_refused(owner: httpx.Client) -> None:
    answer = owner.put(f"{ACCOUNT}?{STORAGE_VERSION}", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert code(answer, 415) == "UnsupportedMediaType"


def test_a_body_that_is_too_large_is_refused(owner: httpx.Client) -> None:
    body = b'{"location": "' + b"x" * MOST_BYTES + b'"}'
    answer = owner.put(f"{ACCOUNT}?{STORAGE_VERSION}", content=body, headers={"Content-Type": "application/json"})
    assert code(answer, 413) == "RequestContentTooLarge"


def test_every_answer_can_be_traced(owner: httpx.Client) -> None:
    correlation = str(uuid.uuid4())
    asked = {
        "x-ms-correlation-request-id": correlation,
        "x-ms-client-request-id": "mine",
        "x-ms-return-client-request-id": "true",
    }
    first, second = (owner.get(f"{CONSOLE}?{CONSOLE_VERSION}", headers=asked) for _ in range(2))
    assert uuid.UUID(first.headers["x-ms-request-id"]) != uuid.UUID(second.headers["x-ms-request-id"])
    assert first.headers["x-ms-correlation-request-id"] == correlation
    assert first.headers["x-ms-client-request-id"] == "mine"
    assert correlation in first.headers["x-ms-routing-request-id"]
    assert first.headers["cache-control"] == "no-cache"
    assert "date" in first.headers
    left = [int(one.headers["x-ms-ratelimit-remaining-subscription-reads"]) for one in (first, second)]
    assert left[0] == left[1] + 1


def test_a_correlation_id_that_is_not_a_uuid_is_not_taken_over(owner: httpx.Client) -> None:
    answer = owner.get(f"{CONSOLE}?{CONSOLE_VERSION}", headers={"x-ms-correlation-request-id": "<script>"})
    correlation = answer.headers["x-ms-correlation-request-id"]
    assert str(uuid.UUID(correlation)) == correlation


def test_another_language_changes_nothing(owner: httpx.Client) -> None:
    plain, other = (
        owner.get(f"{ACCOUNT}x?{STORAGE_VERSION}", headers={"Accept-Language": language})
        for language in ("en", "tr-TR")
    )
    assert plain.json() == other.json()


def test_a_fault_of_ours_is_said_once_and_shows_no_traceback(
    service: Served, owner: httpx.Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(type(service.parts.rules), "check_console_service", lambda *_: 1 / 0)
    with caplog.at_level(logging.ERROR, "uartsim.service"):
        answer = owner.get(f"{CONSOLE}?{CONSOLE_VERSION}")
    assert code(answer, 500) == "InternalServerError"
    assert answer.headers["x-ms-request-id"] in answer.json()["error"]["message"]
    assert "Traceback" not in answer.text
    assert [answer.headers["x-ms-request-id"] in one.getMessage() for one in caplog.records] == [True]


WORDS = (
    *(
        "subscriptions",
        SUBSCRIPTION,
        "resourceGroups",
        "rg",
        "providers",
        "Microsoft.Compute",
        "virtualMachines",
        "vm1",
    ),
    *("Microsoft.SerialConsole", "serialPorts", "0", "connect", "..", ".", "", "%", "%00", "\u2028", "a\\b", "?", "#"),
)


@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=12), max_size=12),
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_path_whatsoever_makes_the_service_fail(reader: httpx.Client, segments: list[str], method: str) -> None:
    path = "/".join(quote(segment.encode("utf-8", "surrogatepass"), safe="") for segment in segments)
    # A whole URL: what begins with two slashes would be taken for one of another host.
    answer = reader.request(method, f"{reader.base_url}/{path}?{CONSOLE_VERSION}")
    if answer.url.path == "/" and why_missing() is not None and method in ("GET", "HEAD"):
        assert answer.status_code == 503  # the page, on a machine without node
        return
    assert answer.status_code < 500, path
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.headers["content-type"].startswith("application/json"), (method, path, answer.text)
        assert answer.json()["error"]["code"]
