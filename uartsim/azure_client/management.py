"""The management REST of the service, as far as a console needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import httpx

from uartsim.azure_client.client_errors import ConsoleError, RefusalError
from uartsim.azure_client.http_requests import Http, fields_of
from uartsim.azure_client.retries import Retries
from uartsim.azure_client.service_address import ServiceAddress
from uartsim.azure_client.token_source import Credentials
from uartsim.errors import UsageError

T = TypeVar("T")

COMPUTE_VERSION: Final = "2024-11-01"
CONSOLE_VERSION: Final = "2024-07-01"
SUBSCRIPTIONS_VERSION: Final = "2022-12-01"


class Management:
    """The management REST.

    Args:
        http: the connection to the service.
        credentials: who asks.
        retries: how long something transient is tried again.
        console_version: the api-version of Microsoft.SerialConsole.
        find: says where the service is; after a restart it may be elsewhere.
    """

    def __init__(
        self,
        http: Http,
        credentials: Credentials,
        retries: Retries,
        console_version: str = CONSOLE_VERSION,
        find: Callable[[], ServiceAddress] | None = None,
    ) -> None:
        self.http = http
        self._find = find
        self.credentials = credentials
        self.retries = retries
        self.console_version = console_version

    async def find_again(self) -> None:
        """Look where the service is; while that is not known, it is where it was."""
        if self._find is None:
            return
        try:
            address = self._find()
            if address != self.http.address:
                await self.http.move_to(address)
        except UsageError:
            return

    async def get(self, path: str, api_version: str, **query: str) -> dict[str, Any]:
        """A resource, by its path below the service's URL."""
        return fields_of(await self.ask("GET", path, api_version, query=query))

    async def post(self, path: str, api_version: str) -> dict[str, Any]:
        """The answer to an action without a body."""
        return fields_of(await self.ask("POST", path, api_version))

    async def ask(
        self, method: str, path: str, api_version: str, *, query: dict[str, str] | None = None
    ) -> httpx.Response:
        """The answer to a request with a token; what is transient is tried again.

        Raises:
            ConsoleError: it does not succeed; see :meth:`Http.request`.
        """
        return await self.retries.run(lambda: self.ask_once(method, path, api_version, query=query))

    async def ask_once(
        self, method: str, path: str, api_version: str, *, query: dict[str, str] | None = None
    ) -> httpx.Response:
        """The same, without trying again."""
        url = httpx.URL(self.http.address.url + path, params={**(query or {}), "api-version": api_version})
        headers = {"Accept": "application/json", "Accept-Language": "en"}
        if method == "POST":
            headers["Content-Type"] = "application/json"

        async def send(token: str) -> httpx.Response:
            with_token = {**headers, "Authorization": f"Bearer {token}"}
            return await self.http.request(method, str(url), headers=with_token)

        return await self.with_token(send)

    async def with_token(self, action: Callable[[str], Awaitable[T]]) -> T:
        """The result of an action with a valid token; a token that is refused is replaced once, if that is possible."""
        try:
            return await action(await self.credentials.token(self.http))
        except RefusalError as error:
            if error.http_status != httpx.codes.UNAUTHORIZED:
                raise
            if not self.credentials.can_renew:
                remedy = "Leave, and come back with a new token, or with --user and a secret, which can be renewed."
                raise RefusalError(f"{error}\n{remedy}", error.http_status, error.code) from None
        self.credentials.renew()
        return await action(await self.credentials.token(self.http))

    async def only_subscription(self) -> str:
        """The id of the subscription, if the user can see exactly one.

        Raises:
            ConsoleError: there are none, or several; the message names them.
        """
        listed = (await self.get("/subscriptions", SUBSCRIPTIONS_VERSION)).get("value")
        found = [s for s in listed if isinstance(s, dict)] if isinstance(listed, list) else []
        if len(found) == 1 and isinstance(found[0].get("subscriptionId"), str):
            return str(found[0]["subscriptionId"])
        if not found:
            raise ConsoleError("this user can see no subscription: ask its owner for a role, or log in as another user")
        names = ", ".join(f"{s.get('subscriptionId')} ({s.get('displayName')})" for s in found[:10])
        raise ConsoleError(f"there are several subscriptions; choose one with --subscription: {names}", 2)
