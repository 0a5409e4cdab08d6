"""Logging in: the conversations of `az login` and of the SDKs, step by step, and what is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.service.served import SECRET, TENANT, Served
from uartsim.service.tenant.tenant_setup import DEFAULT_TENANT_ID

#: The client id of the Azure CLI.
AZ = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
TOKEN = "/adfs/oauth2/token"
ROBOT = {"grant_type": "client_credentials", "client_id": "automation", "client_secret": SECRET}
OWNER = {"grant_type": "password", "client_id": AZ, "username": "owner@example.com", "password": SECRET}


@pytest.fixture
def client(served: Served) -> httpx.Client:
    return served.client(None)


def get_token(client: httpx.Client, form: Mapping[str, str], path: str = TOKEN) -> dict[str, Any]:
    answer = client.post(path, data=dict(form))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()
    assert found["token_type"] == "Bearer"
    return found


def test_a_cloud_is_registered_by_its_metadata_as_az_does(served: Served, client: httpx.Client) -> None:
    found = client.get("/metadata/endpoints?api-version=2022-09-01").json()
    assert found["authentication"]["loginEndpoint"] == f"{served.url}/adfs"
    assert found["authentication"]["audiences"][0] == f"{served.url}/"
    assert found["resourceManager"].rstrip("/") == served.url
    assert found["suffixes"]["storage"] == "core.windows.net"
    assert client.get("/metadata/endpoints?api-version=2019-05-01").json() == [found]


@pytest.mark.parametrize("document", ["/adfs", "/adfs/adfs/v2.0"])
def test_a_service_principal_logs_in_as_az_does(served: Served, client: httpx.Client, document: str) -> None:
    found = client.get(f"{document}/.well-known/openid-configuration").json()
    form = {**ROBOT, "scope": f"{served.url}//.default"}
    token = get_token(client, form, found["token_endpoint"])["access_token"]
    caller = served.parts.tokens.read(token)
    assert caller.object_id == served.principal("automation").object_id
    assert caller.claims["aud"] == f"{served.url}/"
    listed = client.get("/subscriptions?api-version=2022-12-01", headers={"Authorization": f"Bearer {token}"}).json()
    assert [one["tenantId"] for one in listed["value"]] == [DEFAULT_TENANT_ID]


def test_a_user_logs_in_with_his_password_and_stays_so_by_a_refresh_token(served: Served, client: httpx.Client) -> None:
    first = get_token(client, {**OWNER, "username": "OWNER@example.com", "scope": f"openid {served.url}//.default"})
    assert served.parts.tokens.read(first["access_token"]).name == "owner@example.com"
    again = get_token(client, {"grant_type": "refresh_token", "client_id": AZ, "refresh_token": first["refresh_token"]})
    assert served.parts.tokens.read(again["access_token"]).object_id == served.principal("owner").object_id


def test_an_id_token_is_signed_with_the_published_key_and_is_no_access_token(
    served: Served, client: httpx.Client
) -> None:
    found = client.get("/adfs/.well-known/openid-configuration").json()
    id_token = get_token(client, OWNER)["id_token"]
    claims = jwt.decode(id_token, KeySet.import_key_set(client.get(found["jwks_uri"]).json())).claims
    assert (claims["aud"], claims["iss"], claims["upn"]) == (AZ, found["issuer"], "owner@example.com")
    refused = client.get("/subscriptions?api-version=2022-12-01", headers={"Authorization": f"Bearer {id_token}"})
    assert refused.status_code == 401


@pytest.mark.parametrize("tenant", [DEFAULT_TENANT_ID, "organizations"])
def test_an_sdk_logs_in_at_the_tenants_own_endpoint(served: Served, client: httpx.Client, tenant: str) -> None:
    found = client.get(f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    assert found["token_endpoint"] == f"{served.url}/{tenant}/oauth2/v2.0/token"
    form = {**ROBOT, "scope": "https://management.azure.com/.default"}
    token = get_token(client, form, found["token_endpoint"])["access_token"]
    assert served.parts.tokens.read(token).claims["aud"] == "https://management.azure.com"


def test_a_resource_is_named_as_the_first_version_of_the_protocol_does(served: Served, client: httpx.Client) -> None:
    token = get_token(client, {**ROBOT, "resource": "https://management.core.windows.net/"})["access_token"]
    assert served.parts.tokens.read(token).claims["aud"] == "https://management.core.windows.net/"


@pytest.mark.parametrize(
    ("form", "status", "error", "number"),
    [
        ({}, 400, "invalid_request", 900144),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type", 70003),
        ({**ROBOT, "client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({**ROBOT, "client_secret": ""}, 400, "invalid_request", 900144),
        ({**ROBOT, "client_id": "nobody's"}, 400, "unauthorized_client", 700016),
        ({**ROBOT, "client_id": "owner@example.com"}, 400, "unauthorized_client", 700016),
        ({**OWNER, "password": "wrong"}, 400, "invalid_grant", 50126),
        ({**OWNER, "username": "who@example.com"}, 400, "invalid_grant", 50126),
        ({**OWNER, "username": "automation"}, 400, "invalid_grant", 50126),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant", 700082),
    ],
)
def test_a_login_is_refused_with_the_error_of_the_protocol(
    client: httpx.Client, form: dict[str, str], status: int, error: str, number: int
) -> None:
    answer = client.post(TOKEN, data=form)
    found = answer.json()
    assert (answer.status_code, found["error"], found["error_codes"]) == (status, error, [number])
    assert found["error_description"].startswith(f"AADSTS{number}: ")
    assert SECRET not in answer.text


def test_an_access_token_is_no_refresh_token(client: httpx.Client) -> None:
    token = get_token(client, OWNER)["access_token"]
    answer = client.post(TOKEN, data={"grant_type": "refresh_token", "refresh_token": token})
    assert answer.json()["error"] == "invalid_grant"


def test_a_service_principal_asks_for_no_token_that_outlives_its_secret(client: httpx.Client) -> None:
    refresh = get_token(client, OWNER)["refresh_token"]
    audience = json.loads(base64.urlsafe_b64decode(refresh.split(".")[1] + "=="))["aud"]
    for resource in (audience, "urn:uartsim:refresh"):
        token = get_token(client, {**ROBOT, "resource": resource})["access_token"]
        answer = client.post(TOKEN, data={"grant_type": "refresh_token", "refresh_token": token})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=%ff", b"a&" * 1000, b"grant_type=" + b"x" * 100_000, b"\0"])
def test_what_is_no_form_is_refused(client: httpx.Client, body: bytes) -> None:
    answer = client.post(TOKEN, content=body)
    assert answer.status_code in (400, 413)
    assert answer.json()["error"] in ("invalid_request", "unsupported_grant_type")


def test_an_unknown_tenant_is_said(client: httpx.Client) -> None:
    for answer in (
        client.get("/contoso.com/v2.0/.well-known/openid-configuration"),
        client.post("/contoso.com/oauth2/v2.0/token", data=ROBOT),
    ):
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")


def test_a_users_second_factor_is_in_his_token(serve: Any) -> None:
    served: Served = serve(TENANT + f'[[user]]\nname = "careful"\npassword = "{SECRET}"\nmfa = true\n')
    for name, has_mfa in (("careful", True), ("owner", False)):
        token = get_token(served.client(None), {**OWNER, "username": f"{name}@example.com"})["access_token"]
        assert served.parts.tokens.read(token).multi_factor is has_mfa


def test_the_lifetime_of_tokens_is_a_setting(serve: Any) -> None:
    served: Served = serve(TENANT + "[tenant]\ntoken_lifetime_s = 7\n")
    assert get_token(served.client(None), OWNER)["expires_in"] == 7
    expired = served.client("owner", lifetime_s=-1).get("/subscriptions?api-version=2022-12-01")
    assert expired.json()["error"]["code"] == "ExpiredAuthenticationToken"
    assert expired.headers["WWW-Authenticate"].startswith("Bearer ")
