"""Logging in with a browser, by authorization code and by device code: the protocols' steps, and what is refused."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.service.served import SECRET, Served
from uartsim.service.arm.interactive_login import DEVICE_CODE

VERIFIER = "a-verifier-of-at-least-43-characters-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REPLY = "http://localhost:8400"
AUTHORIZE = "/adfs/oauth2/authorize"
ASKED = {
    "client_id": "az",
    "response_type": "code",
    "redirect_uri": REPLY,
    "state": 'st"<ate>',
    "nonce": "once",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
    "scope": "openid",
}
USER = {"username": "owner@example.com", "password": SECRET}
REDEEM = {"grant_type": "authorization_code", "client_id": "az", "redirect_uri": REPLY, "code_verifier": VERIFIER}


@pytest.fixture
def client(served: Served) -> httpx.Client:
    return served.client(None)


def token(client: httpx.Client, **form: str) -> dict[str, Any]:
    found: dict[str, Any] = client.post("/adfs/oauth2/token", data=form).json()
    return found


def get_code(client: httpx.Client) -> str:
    answer = client.post(AUTHORIZE, data={**ASKED, **USER})
    assert answer.status_code == 302, answer.text
    reply = urlsplit(answer.headers["Location"])
    assert f"{reply.scheme}://{reply.netloc}" == REPLY
    values = parse_qs(reply.query)
    assert values["state"] == [ASKED["state"]]
    return values["code"][0]


def test_a_browser_shows_a_form_that_sends_along_what_was_asked(client: httpx.Client) -> None:
    page = client.get(AUTHORIZE, params=ASKED)
    assert page.status_code == 200
    assert 'name="state" value="st&quot;&lt;ate&gt;"' in page.text
    assert 'type="password"' in page.text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Cache-Control"] == "no-store"


def test_a_code_becomes_a_users_tokens_once(served: Served, client: httpx.Client) -> None:
    code = get_code(client)
    found = token(client, **REDEEM, code=code)
    assert served.parts.tokens.read(found["access_token"]).name == "owner@example.com"
    keys = KeySet.import_key_set(client.get("/adfs/discovery/keys").json())
    assert jwt.decode(found["id_token"], keys).claims["nonce"] == "once"
    assert token(client, **REDEEM, code=code)["error"] == "invalid_grant"


def test_a_code_can_be_posted_on_by_the_page(client: httpx.Client) -> None:
    page = client.post(AUTHORIZE, data={**ASKED, **USER, "response_mode": "form_post"}).text
    code = re.search(r'name="code" value="([^"]+)"', page)
    assert f'action="{REPLY}"' in page
    assert code is not None
    assert "access_token" in token(client, **REDEEM, code=code[1])


def test_a_wrong_password_asks_again_and_gives_no_code(client: httpx.Client) -> None:
    page = client.post(AUTHORIZE, data={**ASKED, **USER, "password": "wrong"})
    assert page.status_code == 401
    assert "invalid username or password" in page.text
    assert "wrong" not in page.text


@pytest.mark.parametrize(
    ("name", "value"),
    [("code_verifier", "another"), ("redirect_uri", "http://localhost:1"), ("code", "x"), ("client_id", "other")],
)
def test_a_code_is_good_only_for_the_program_that_asked_for_it(client: httpx.Client, name: str, value: str) -> None:
    assert token(client, **{**REDEEM, "code": get_code(client), name: value})["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": "http://localhost.evil.example"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": "http://localhost:1/\r\nX: y"},
        {"redirect_uri": "http://[::1"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"response_type": "token"},
        {"response_mode": "fragment"},
        {"client_id": ""},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_reply_never_leaves_this_computer_and_a_code_is_always_bound(
    client: httpx.Client, change: dict[str, str], method: str
) -> None:
    asked = {**ASKED, **change}
    if method == "GET":
        answer = client.get(AUTHORIZE, params=asked)
    else:
        answer = client.post(AUTHORIZE, data={**asked, **USER})
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "<form" not in answer.text


def test_a_device_code_waits_until_a_user_signs_in_with_its_other_half(served: Served, client: httpx.Client) -> None:
    asked = client.post("/adfs/oauth2/devicecode", data={"client_id": "az", "scope": "openid"}).json()
    poll = {"grant_type": DEVICE_CODE, "client_id": "az", "device_code": asked["device_code"]}
    assert asked["verification_uri"].startswith(served.url)
    assert asked["user_code"] in asked["message"]
    assert token(client, **poll)["error"] == "authorization_pending"
    assert "<form" in client.get(asked["verification_uri"]).text
    answer = client.post(asked["verification_uri"], data={**USER, "user_code": asked["user_code"].lower()})
    assert "You have signed in" in answer.text
    assert served.parts.tokens.read(token(client, **poll)["access_token"]).name == "owner@example.com"
    assert token(client, **poll)["error"] == "expired_token"


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"user_code": "AAAAAAAA"}, {"user_code": ""}])
def test_a_device_code_is_not_given_to_whoever_has_only_a_part(client: httpx.Client, change: dict[str, str]) -> None:
    asked = client.post("/adfs/oauth2/devicecode", data={"client_id": "az"}).json()
    form = {**USER, "user_code": asked["user_code"], **change}
    assert client.post(asked["verification_uri"], data=form).status_code == 401
    poll = {"grant_type": DEVICE_CODE, "client_id": "az", "device_code": asked["device_code"]}
    assert token(client, **poll)["error"] == "authorization_pending"


def test_a_device_code_that_has_expired_is_no_longer_taken(
    serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uartsim.service.arm.interactive_login.DEVICE_S", -1.0)
    client = serve().client(None)
    asked = client.post("/adfs/oauth2/devicecode", data={"client_id": "az"}).json()
    answer = client.post(asked["verification_uri"], data={**USER, "user_code": asked["user_code"]})
    assert answer.status_code == 401
    assert "The code is unknown, used or expired." in answer.text


def test_codes_do_not_pile_up(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.service.arm.interactive_login.MOST_CODES", 3)
    first, *_, last = [client.post("/adfs/oauth2/devicecode", data={"client_id": "az"}).json() for _ in range(4)]
    poll = {"grant_type": DEVICE_CODE, "client_id": "az"}
    assert token(client, **poll, device_code=first["device_code"])["error"] == "expired_token"
    assert token(client, **poll, device_code=last["device_code"])["error"] == "authorization_pending"
