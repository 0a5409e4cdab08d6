"""Microsoft's SDKs, unmodified, pointed at a service of the tests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from azure.core.credentials import AccessToken

from tests.service.served import SUBSCRIPTION, Served


class Credential:
    """Gives a token of the service's, as ``azure-identity`` gives one of Azure's."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """The token."""
        return AccessToken(self._token, int(time.time()) + 3600)


def sdk_client(
    kind: Callable[..., Any], service: Served, user: str = "owner", *, token: str | None = None, **options: Any
) -> Any:
    """A client of an SDK; its models say of every attribute that it may be None, so it is not typed here.

    Args:
        kind: its class.
        service: the service to talk to.
        user: whose token it sends.
        token: a token to send in place of the user's.
        options: further arguments of the class, such as ``api_version``.
    """
    settings = {"base_url": service.url, "credential_scopes": [f"{service.url}/.default"], "retry_total": 0}
    return kind(
        Credential(token or service.token(user)),
        SUBSCRIPTION,
        connection_verify=service.ca_file,
        polling_interval=0,
        **settings,
        **options,
    )
