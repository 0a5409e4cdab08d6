"""Logging in with a browser: OAuth 2.0's authorization code with PKCE (RFC 6749, 7636), and its device code (RFC 8628).

With the first, the program that wants a token listens on this computer and opens the browser; with the second, the
person opens it anywhere on this computer, and types the code that the program shows.  Every code is good once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.service.arm.oauth_error import OAuthError, read_form, wanted
from uartsim.service.arm.sign_in_page import message_page, post_to, sign_in_form
from uartsim.service.identity.directory import Principal
from uartsim.service.loopback_hosts import LOOPBACK_HOSTS

#: The grant of the device code.
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"
#: How long a code is good for, in seconds.
CODE_S: Final = 300.0
DEVICE_S: Final = 900.0
#: How many codes there can be at a time; the oldest goes first.
MOST_CODES: Final = 1000
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_KEPT: Final = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
)
_PENDING: Final = 70016


@dataclass(slots=True)
class _Code:
    """A pending code: who has signed in for it, and what it was asked with."""

    ends_at: float
    asked: Mapping[str, str]
    principal: Principal | None = None


class InteractiveLogin:
    """The pages, and the codes that they give.

    Args:
        base_url: where the service is reached.
        check: finds the user of a form with ``username`` and ``password``, or raises OAuthError.
        clock: a monotonic time in seconds.
    """

    def __init__(
        self,
        base_url: str,
        check: Callable[[Mapping[str, str]], Awaitable[Principal]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base_url
        self._check = check
        self._clock = clock
        self._codes: dict[str, _Code] = {}
        self._devices: dict[str, _Code] = {}

    def routes(self) -> list[BaseRoute]:
        """The routes."""
        both = ["GET", "POST"]
        places = ("/adfs/oauth2", "/{tenant}/oauth2/v2.0")
        return [
            *(Route(f"{place}/authorize", self._authorize, methods=both) for place in places),
            *(Route(f"{place}/devicecode", self._device_code, methods=["POST"]) for place in places),
            Route("/adfs/oauth2/deviceauth", self._device_page, methods=both),
        ]

    def redeem(self, form: Mapping[str, str]) -> tuple[Principal, str]:
        """Who has signed in for an authorization code, and the nonce that it was asked with.

        Raises:
            OAuthError: ``invalid_grant``: the code is unknown, used or too old, or another program's.
        """
        code = self._codes.pop(wanted(form, "code"), None)
        if code is None or code.principal is None or code.ends_at < self._clock():
            raise OAuthError(
                400, "invalid_grant", 70008, "The provided authorization code is unknown, used or expired."
            )
        if form.get("client_id", "") != code.asked["client_id"]:
            raise OAuthError(400, "invalid_grant", 700005, "The authorization code was given to another program.")
        if form.get("redirect_uri", "") != code.asked.get("redirect_uri", ""):
            raise OAuthError(400, "invalid_grant", 500112, "The reply address does not match that of the code.")
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(
            b"="
        )
        if not hmac.compare_digest(challenge, code.asked["code_challenge"].encode()):
            raise OAuthError(400, "invalid_grant", 501481, "The code_verifier does not match the code_challenge.")
        return code.principal, code.asked.get("nonce", "")

    def device(self, form: Mapping[str, str]) -> Principal:
        """Who has signed in for a device code.

        Raises:
            OAuthError: ``authorization_pending``: nobody yet; ``expired_token``: it is unknown, used or too old.
        """
        name = form.get("device_code") or wanted(form, "code")
        code = self._devices.get(name)
        if code is None or code.ends_at < self._clock():
            self._devices.pop(name, None)
            raise OAuthError(400, "expired_token", 70020, "The provided device_code is unknown, used or expired.")
        if code.principal is None:
            raise OAuthError(400, "authorization_pending", _PENDING, "Nobody has signed in with the code yet.")
        del self._devices[name]
        return code.principal

    async def _authorize(self, request: Request) -> Response:
        try:
            form = await read_form(request) if request.method == "POST" else dict(request.query_params)
            asked = _checked(form)
        except OAuthError as refused:
            return message_page(refused.description, refused.status)
        if request.method == "GET":
            return sign_in_form(asked)
        try:
            principal = await self._check(form)
        except OAuthError as refused:
            return sign_in_form(asked, refusal=refused.description)
        name = secrets.token_urlsafe(32)
        self._keep(self._codes, name, _Code(self._clock() + CODE_S, asked, principal))
        values = {"code": name, "state": asked.get("state", "")}
        if asked.get("response_mode") == "form_post":
            return post_to(asked["redirect_uri"], values)
        joint = "&" if urlsplit(asked["redirect_uri"]).query else "?"
        return RedirectResponse(
            f"{asked['redirect_uri']}{joint}{urlencode(values)}", 302, {"Cache-Control": "no-store"}
        )

    async def _device_code(self, request: Request) -> Response:
        try:
            asked = await read_form(request)
            wanted(asked, "client_id")
        except OAuthError as refused:
            return JSONResponse(refused.body(), refused.status)
        name = secrets.token_urlsafe(32)
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(8))
        self._keep(self._devices, name, _Code(self._clock() + DEVICE_S, {**asked, "user_code": user_code}))
        page = f"{self._base}/adfs/oauth2/deviceauth"
        answer: dict[str, Any] = {
            "device_code": name,
            "user_code": user_code,
            "verification_uri": page,
            "verification_url": page,
            "expires_in": int(DEVICE_S),
            "interval": 1,
            "message": f"To sign in, use a web browser to open the page {page} and enter the code {user_code}.",
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def _device_page(self, request: Request) -> Response:
        if request.method == "GET":
            return sign_in_form({}, ask_code=request.query_params.get("user_code", ""))
        try:
            form = await read_form(request)
            user_code = wanted(form, "user_code").strip().upper()
            principal = await self._check(form)
        except OAuthError as refused:
            return sign_in_form({}, refusal=refused.description, ask_code="")
        for code in self._devices.values():
            waits = code.principal is None and code.ends_at >= self._clock()
            if waits and hmac.compare_digest(code.asked["user_code"].encode(), user_code.encode()):
                code.principal = principal
                return message_page("You have signed in. You can close this page.")
        return sign_in_form({}, refusal="The code is unknown, used or expired.", ask_code="")

    def _keep(self, codes: dict[str, _Code], name: str, code: _Code) -> None:
        for other in [one for one, kept in codes.items() if kept.ends_at < self._clock()]:
            del codes[other]
        while len(codes) >= MOST_CODES:
            del codes[next(iter(codes))]
        codes[name] = code


def _checked(form: Mapping[str, str]) -> dict[str, str]:
    """What a code is asked for with.

    Raises:
        OAuthError: something is missing, or the reply would leave this computer.
    """
    asked = {name: form[name] for name in _KEPT if form.get(name)}
    for name in ("client_id", "redirect_uri", "code_challenge"):
        wanted(asked, name)
    if asked.get("response_type", "code") != "code" or asked.get("code_challenge_method") != "S256":
        raise OAuthError(
            400, "invalid_request", 90014, "Only response_type=code with code_challenge_method=S256 is there."
        )
    if asked.get("response_mode", "query") not in ("query", "form_post"):
        raise OAuthError(400, "invalid_request", 90014, "The response_mode is not query or form_post.")
    try:
        reply = urlsplit(asked["redirect_uri"])
        is_local = reply.scheme in ("http", "https") and reply.hostname in LOOPBACK_HOSTS
    except ValueError:
        is_local = False
    if not is_local or any(character <= " " for character in asked["redirect_uri"]):
        raise OAuthError(400, "invalid_request", 50011, "The reply address is not one on this computer.")
    return asked
