"""Access tokens: what they say, and which are refused with which of Azure's errors."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from uartsim.service.arm_error import ArmError
from uartsim.service.identity.directory import Principal, PrincipalKind
from uartsim.service.identity.tokens import AUDIENCES, Tokens, new_key

TENANT = "aaaabbbb-0000-4000-8000-000000000001"
ALICE = Principal("11111111-0000-4000-8000-000000000001", PrincipalKind.USER, "alice@example.com", multi_factor=True)
ROBOT = Principal("11111111-0000-4000-8000-000000000002", PrincipalKind.SERVICE_PRINCIPAL, "robot", "an-app-id")
KEY = new_key()
NOW = 1_700_000_000.0


def tokens(now: float = NOW, key: bytes = KEY, tenant: str = TENANT) -> Tokens:
    return Tokens(key, tenant, "https://localhost:1/adfs", clock=lambda: now)


def refusal(read: Callable[[], object]) -> ArmError:
    with pytest.raises(ArmError) as refused:
        read()
    assert refused.value.status == 401
    assert refused.value.headers["WWW-Authenticate"].startswith('Bearer authorization_uri="https://localhost:1/adfs"')
    return refused.value


def test_a_users_token_says_who_he_is_and_how_he_logged_in() -> None:
    caller = tokens().read_header(f"bearer {tokens().issue(ALICE)}")
    assert (caller.object_id, caller.name, caller.tenant_id) == (ALICE.object_id, ALICE.name, TENANT)
    assert caller.multi_factor
    assert caller.expires_at == NOW + 3600
    assert caller.claims["upn"] == caller.claims["unique_name"] == ALICE.name
    assert (caller.claims["iat"], caller.claims["nbf"], caller.claims["amr"]) == (NOW, NOW, ["pwd", "mfa"])


def test_a_login_without_a_second_factor_is_not_multi_factor() -> None:
    assert not tokens().read(tokens().issue(ALICE, mfa=False)).multi_factor


def test_a_service_principal_is_named_by_its_application() -> None:
    caller = tokens().read(tokens().issue(ROBOT))
    assert (caller.object_id, caller.name) == (ROBOT.object_id, "an-app-id")
    assert "upn" not in caller.claims
    assert not caller.multi_factor


def test_a_token_ends_at_its_time() -> None:
    token = tokens().issue(ALICE, lifetime_s=10)
    assert tokens(NOW + 9).read(token).object_id == ALICE.object_id
    error = refusal(lambda: tokens(NOW + 10).read(token))
    assert error.code == "ExpiredAuthenticationToken"
    assert error.message == (
        "The access token expiry UTC time '11/14/2023 10:13:30 PM' is earlier than current UTC time '11/14/2023 10:13:30 PM'."
    )


@pytest.mark.parametrize("header", [None, "", "  "])
def test_a_request_without_a_token_is_told_so(header: str | None) -> None:
    error = refusal(lambda: tokens().read_header(header))
    assert error.body() == {
        "error": {
            "code": "AuthenticationFailed",
            "message": "Authentication failed. The 'Authorization' header is missing.",
        }
    }


@pytest.mark.parametrize("header", ["Basic YTpi", "token"])
def test_another_scheme_is_told_so(header: str) -> None:
    error = refusal(lambda: tokens().read_header(header))
    assert error.code == "AuthenticationFailed"
    assert error.message == "Authentication failed. The 'Authorization' header is provided in an invalid format."


def unsigned(claims: dict[str, object]) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


def test_a_token_that_is_not_signed_by_this_service_is_refused() -> None:
    claims = dict(tokens().read(tokens().issue(ALICE)).claims)
    public = RSAKey.import_key(KEY).as_pem(private=False)
    forged = [
        tokens(key=new_key()).issue(ALICE),
        unsigned(claims),
        # The public key as the secret of a symmetric signature: an algorithm that the caller may not choose.
        jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(base64.b64encode(public)), algorithms=["HS256"]),
        tokens().issue(ALICE)[:-6] + "AAAAAA",
        "a.b.c",
        "x" * 100_000,
        "..",
        "é.é.é",
        "",
    ]
    for token in forged:
        error = refusal(partial(tokens().read, token))
        assert (error.code, error.message) == ("InvalidAuthenticationToken", "The access token is invalid.")


@pytest.mark.parametrize("left_out", ["oid", "tid", "aud", "exp"])
def test_a_token_that_lacks_a_claim_is_refused_although_it_is_signed(left_out: str) -> None:
    claims = dict(tokens().read(tokens().issue(ALICE)).claims)
    del claims[left_out]
    token = jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(KEY))
    assert refusal(lambda: tokens().read(token)).code == "InvalidAuthenticationToken"


def test_a_token_of_another_tenant_or_for_another_resource_is_refused() -> None:
    other = tokens(tenant="aaaabbbb-0000-4000-8000-000000000002").issue(ALICE)
    assert refusal(lambda: tokens().read(other)).code == "InvalidAuthenticationTokenTenant"
    graph = tokens().issue(ALICE, audience='https://graph.microsoft.com/"\r\nX: y')
    assert refusal(lambda: tokens().read(graph)).code == "InvalidAuthenticationTokenAudience"
    assert "\n" not in refusal(lambda: tokens().read(graph)).headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "audience", ["https://management.azure.com", "https://localhost:8443/", "https://127.0.0.1", "https://[::1]:1/"]
)
def test_a_token_for_this_service_by_any_of_its_names_is_good(audience: str) -> None:
    assert tokens().read(tokens().issue(ALICE, audience=audience)).name == ALICE.name


def test_a_refresh_token_is_no_access_token_and_the_other_way_round() -> None:
    refresh = tokens().issue_refresh(ALICE)
    assert tokens().read_refresh(refresh) == ALICE.object_id
    assert refusal(lambda: tokens().read(refresh)).code == "InvalidAuthenticationToken"
    identity = tokens().issue_id(ALICE, AUDIENCES[0], "")
    assert refusal(lambda: tokens().read(identity)).code == "InvalidAuthenticationToken"
    claims = jwt.decode(refresh, RSAKey.import_key(tokens().jwks()["keys"][0])).claims
    for audience in (AUDIENCES[0], claims["aud"]):
        assert tokens().read_refresh(tokens().issue(ALICE, audience=audience)) is None
    assert tokens().read_refresh(identity) is None
    assert tokens(NOW + 91 * 86400).read_refresh(refresh) is None


def test_the_published_key_verifies_a_token_and_is_not_the_private_one() -> None:
    (key,) = tokens().jwks()["keys"]
    assert jwt.decode(tokens().issue(ALICE), RSAKey.import_key(key)).claims["oid"] == ALICE.object_id
    assert not {"d", "p", "q"} & set(key)


@given(st.text())
def test_any_text_is_refused_in_a_sentence(text: str) -> None:
    refusal(lambda: tokens(time.time()).read_header(f"Bearer {text}"))
