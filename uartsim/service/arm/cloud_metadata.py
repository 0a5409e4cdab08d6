"""``/metadata/endpoints``: where the parts of this cloud are, for ``az cloud register`` and for SDKs.

Source: what ``az`` and Microsoft's SDKs read of it (``_arm_to_cli_mapper`` in azure-cli-core).
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from uartsim.service.parts import Parts

#: The name of the cloud.
CLOUD_NAME: Final = "Uartsim"
_SUFFIXES: Final = {
    "acrLoginServer": "azurecr.io",
    "keyVaultDns": "vault.azure.net",
    "mhsmDns": "managedhsm.azure.net",
    "sqlServerHostname": "database.windows.net",
    "storage": "core.windows.net",
    "storageSyncEndpointSuffix": "afs.azure.net",
}


def cloud_metadata(base_url: str, tenant_id: str) -> dict[str, Any]:
    """The description of the cloud.

    Args:
        base_url: where the service is reached.
        tenant_id: its tenant.
    """
    return {
        "name": CLOUD_NAME,
        "portal": f"{base_url}/",
        "authentication": {
            "loginEndpoint": f"{base_url}/adfs",
            "audiences": [f"{base_url}/", "https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": tenant_id,
            "identityProvider": "ADFS",
        },
        "resourceManager": f"{base_url}/",
        "graph": f"{base_url}/",
        "graphAudience": f"{base_url}/",
        "microsoftGraphResourceId": f"{base_url}/",
        "gallery": f"{base_url}/",
        "batch": f"{base_url}/",
        "media": f"{base_url}/",
        "sqlManagement": f"{base_url}/",
        "vmImageAliasDoc": f"{base_url}/",
        "suffixes": dict(_SUFFIXES),
    }


def metadata_routes(parts: Parts) -> list[BaseRoute]:
    """The route; it asks for no token, as Azure's does not."""

    async def endpoints(request: Request) -> Response:
        described = cloud_metadata(parts.base_url, parts.tokens.tenant_id)
        # Before 2022-09-01 the answer was a list of all clouds.
        asked = request.query_params.get("api-version", "")
        return JSONResponse(described if asked >= "2022-09-01" else [described])

    return [Route("/metadata/endpoints", endpoints, methods=["GET"])]
