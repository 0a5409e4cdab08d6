"""The token that shows who is asking (OAuth 2.0, RFC 6749 sections 4.3 and 4.4)."""

from __future__ import annotations

from typing import Final

import trio

from uartsim.azure_client.client_errors import REFUSED, ConsoleError
from uartsim.azure_client.http_requests import Http, fields_of

#: A token that is valid for less than this is replaced, in seconds.
SOON_S: Final = 60.0
#: The public client id of Azure's command line, for users.
_CLIENT: Final = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"


class Credentials:
    """A token, or a user's name and secret for which the service gives one.

    Args:
        token: the token; empty where user and secret are given.
        user: a user's name, which holds an ``@``, or a service principal's client id.
        secret: the secret.
        token_endpoint: the URL that gives tokens; that of the service itself if it is empty.
    """

    def __init__(self, *, token: str = "", user: str = "", secret: str = "", token_endpoint: str = "") -> None:
        self._token = token
        self._user = user
        self._secret = secret
        self._endpoint = token_endpoint
        self._good_until = float("inf") if token else float("-inf")

    @property
    def can_renew(self) -> bool:
        """Whether a token that is no longer accepted can be replaced."""
        return bool(self._user)

    def renew(self) -> None:
        """The token is not accepted any more: :meth:`token` gets another one, where that is possible."""
        if self.can_renew:
            self._good_until = float("-inf")

    async def token(self, http: Http) -> str:
        """A token that is valid.

        Raises:
            ConsoleError: the service gives none.
        """
        if trio.current_time() < self._good_until:
            return self._token
        form = {"scope": f"{http.address.url}/.default"}
        if "@" in self._user:
            form |= {"grant_type": "password", "client_id": _CLIENT, "username": self._user, "password": self._secret}
        else:
            form |= {"grant_type": "client_credentials", "client_id": self._user, "client_secret": self._secret}
        endpoint = self._endpoint or f"{http.address.url}/adfs/oauth2/token"
        fields = fields_of(await http.request("POST", endpoint, form=form))
        token = fields.get("access_token")
        if not isinstance(token, str) or not token:
            raise ConsoleError(
                "the service's answer to the log-in holds no access_token: is it such a service?", REFUSED
            )
        expires = fields.get("expires_in")
        lifetime_s = float(expires) if isinstance(expires, (int, float, str)) and str(expires).isdigit() else 3600.0
        self._token = token
        self._good_until = trio.current_time() + max(lifetime_s - SOON_S, lifetime_s / 2)
        return token
