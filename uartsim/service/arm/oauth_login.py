"""The endpoints to log in at: OAuth 2.0 (RFC 6749) and OpenID Connect discovery, in the layouts of AD FS and of Entra ID.

An unmodified ``az login`` asks AD FS's layout, because the cloud's login endpoint ends with ``/adfs``; azure-identity asks
Entra ID's, with a tenant.  Texts and numbers of errors are those of Entra ID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.printable import quoted
from uartsim.service.arm.interactive_login import DEVICE_CODE, InteractiveLogin
from uartsim.service.arm.oauth_error import OAuthError, read_form, wanted
from uartsim.service.identity.directory import Directory, Principal, PrincipalKind, has_secret
from uartsim.service.identity.tokens import AUDIENCES
from uartsim.service.parts import Parts

_GRANTS: Final = ("authorization_code", "client_credentials", DEVICE_CODE, "password", "refresh_token")
#: At most so many secrets are hashed at a time; each takes 16 MiB.
_HASHING: Final = 4


class LoginEndpoints:
    """What answers at the endpoints.

    Args:
        parts: the rooms of the service.
    """

    def __init__(self, parts: Parts) -> None:
        self._base = parts.base_url
        self._tokens = parts.tokens
        self._directory = Directory(parts.store)
        self._hashing = trio.CapacityLimiter(_HASHING)
        self._interactive = InteractiveLogin(parts.base_url, self._user)

    def routes(self) -> list[BaseRoute]:
        """The routes."""
        tenant = "/{tenant}"
        discovery = ".well-known/openid-configuration"
        documents = (f"/adfs/{discovery}", f"/adfs/adfs/v2.0/{discovery}", f"/adfs/v2.0/{discovery}")
        tokens = ("/adfs/oauth2/token", "/adfs/oauth2/v2.0/token")
        return [
            *(Route(path, self.adfs_configuration, methods=["GET"]) for path in documents),
            *(Route(f"{tenant}{v}/{discovery}", self.tenant_configuration, methods=["GET"]) for v in ("", "/v2.0")),
            *(Route(path, self.token, methods=["POST"]) for path in tokens),
            *(Route(f"{tenant}/oauth2{v}/token", self.token, methods=["POST"]) for v in ("", "/v2.0")),
            *self._interactive.routes(),
            Route("/adfs/discovery/keys", self.keys, methods=["GET"]),
            Route(f"{tenant}/discovery/v2.0/keys", self.keys, methods=["GET"]),
        ]

    async def adfs_configuration(self, request: Request) -> Response:
        """The discovery document in the layout of AD FS."""
        return self._configuration(f"{self._base}/adfs", "/oauth2/token", "/oauth2/authorize", "/discovery/keys")

    async def tenant_configuration(self, request: Request) -> Response:
        """The discovery document in the layout of Entra ID."""
        tenant = request.path_params["tenant"]
        if not self._is_tenant(tenant):
            return _refused(_unknown_tenant(tenant))
        root = f"{self._base}/{tenant}"
        return self._configuration(root, "/oauth2/v2.0/token", "/oauth2/v2.0/authorize", "/discovery/v2.0/keys")

    async def keys(self, request: Request) -> Response:
        """The key that tokens are signed with."""
        return JSONResponse(self._tokens.jwks())

    async def token(self, request: Request) -> Response:
        """A token for a password, a client secret or a refresh token."""
        try:
            tenant = request.path_params.get("tenant", "adfs")
            if not self._is_tenant(tenant):
                raise _unknown_tenant(tenant)
            answer = await self._answer(await read_form(request))
        except OAuthError as refused:
            return _refused(refused)
        return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    def _configuration(self, root: str, token: str, authorize: str, keys: str) -> Response:
        return JSONResponse(
            {
                "issuer": self._tokens.issuer,
                "authorization_endpoint": f"{root}{authorize}",
                "device_authorization_endpoint": f"{root}{token.removesuffix('token')}devicecode",
                "code_challenge_methods_supported": ["S256"],
                "response_modes_supported": ["query", "form_post"],
                "token_endpoint": f"{root}{token}",
                "jwks_uri": f"{root}{keys}",
                "grant_types_supported": list(_GRANTS),
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "offline_access"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _is_tenant(self, tenant: str) -> bool:
        return tenant.casefold() in (self._tokens.tenant_id.casefold(), "adfs", "organizations", "common")

    async def _answer(self, form: Mapping[str, str]) -> dict[str, Any]:
        grant = wanted(form, "grant_type")
        if grant == "client_credentials":
            return self._granted(await self._service_principal(form), form)
        if grant == "password":
            return self._granted(await self._user(form), form, user=True)
        if grant == "authorization_code":
            principal, nonce = self._interactive.redeem(form)
            return self._granted(principal, form, user=True, nonce=nonce)
        if grant in (DEVICE_CODE, "device_code"):
            return self._granted(self._interactive.device(form), form, user=True)
        if grant == "refresh_token":
            return self._granted(self._refreshed(form), form, user=True)
        raise OAuthError(
            400,
            "unsupported_grant_type",
            70003,
            f"The app requested an unsupported grant type {quoted(grant)}: use {', '.join(_GRANTS)}.",
        )

    async def _service_principal(self, form: Mapping[str, str]) -> Principal:
        client_id = wanted(form, "client_id")
        found = self._directory.service_principal(client_id)
        if found is None:
            raise OAuthError(
                400,
                "unauthorized_client",
                700016,
                f"Application with identifier {quoted(client_id)} was not found in the directory "
                f"'{self._tokens.tenant_id}'.",
            )
        if not await self._fits(found, wanted(form, "client_secret")):
            raise OAuthError(
                401,
                "invalid_client",
                7000215,
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
                f"not the client secret ID, for a secret added to app {quoted(client_id)}.",
            )
        return found

    async def _user(self, form: Mapping[str, str]) -> Principal:
        found = self._directory.user(wanted(form, "username"))
        if not await self._fits(found, wanted(form, "password")) or found is None:
            raise OAuthError(
                400, "invalid_grant", 50126, "Error validating credentials due to invalid username or password."
            )
        return found

    def _refreshed(self, form: Mapping[str, str]) -> Principal:
        found = self._directory.get(self._tokens.read_refresh(wanted(form, "refresh_token")) or "")
        if found is None or found.kind is not PrincipalKind.USER:
            raise OAuthError(
                400,
                "invalid_grant",
                700082,
                "The refresh token has expired, is not one of this service's, or its user is gone: log in again.",
            )
        return found

    async def _fits(self, principal: Principal | None, secret: str) -> bool:
        return await trio.to_thread.run_sync(has_secret, principal, secret, limiter=self._hashing)

    def _granted(
        self, principal: Principal, form: Mapping[str, str], *, user: bool = False, nonce: str = ""
    ) -> dict[str, Any]:
        lifetime = int(self._tokens.lifetime_s)
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "ext_expires_in": lifetime,
            "access_token": self._tokens.issue(principal, audience=_audience(form)),
        }
        if user:
            answer["scope"] = form.get("scope", "openid")
            answer["refresh_token"] = self._tokens.issue_refresh(principal)
            answer["id_token"] = self._tokens.issue_id(principal, form.get("client_id", ""), nonce)
        return answer


def _audience(form: Mapping[str, str]) -> str:
    """The resource that a token is asked for: by ``resource``, or by the first scope that is a URL."""
    if form.get("resource"):
        return form["resource"]
    scope = next((one for one in form.get("scope", "").split() if "://" in one), None)
    return AUDIENCES[0] if scope is None else scope.rpartition("/")[0]


def _unknown_tenant(tenant: str) -> OAuthError:
    return OAuthError(
        400,
        "invalid_tenant",
        90002,
        f"Tenant {quoted(tenant)} not found. Check to make sure you have the correct tenant ID.",
    )


def _refused(error: OAuthError) -> Response:
    headers = {"Cache-Control": "no-store"}
    return JSONResponse(error.body(), error.status, headers=headers)


def login_routes(parts: Parts) -> list[BaseRoute]:
    """The routes of the endpoints to log in at; they come before those of the management REST."""
    return LoginEndpoints(parts).routes()
