"""The errors of the Azure Resource Manager that more than one operation answers, with Azure's codes and texts."""

from __future__ import annotations

from collections.abc import Sequence

from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError
from uartsim.service.store import ResourceId


def resource_not_found(resource_id: ResourceId) -> ArmError:
    """A resource is not there; for one within another that is missing, use :func:`parent_not_found`."""
    named = _path_in_group(resource_id)
    if resource_id.group is None:
        return ArmError(404, "ResourceNotFound", f"The Resource '{named}' was not found.")
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{named}' under resource group '{resource_id.group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
    )


def parent_not_found(resource_id: ResourceId) -> ArmError:
    """The resource that contains, or is extended by, what was asked for is not there."""
    return ArmError(
        404,
        "ParentResourceNotFound",
        f"Can not perform requested operation on nested resource. Parent resource '{resource_id.name}' not found.",
    )


def group_not_found(name: str) -> ArmError:
    """A resource group is not there."""
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")


def subscription_not_found(subscription: str) -> ArmError:
    """A subscription is not there."""
    return ArmError(404, "SubscriptionNotFound", f"The subscription '{subscription}' could not be found.")


def invalid_content(reason: str, *, target: str | None = None) -> ArmError:
    """A request's body cannot be used."""
    return ArmError(
        400,
        "InvalidRequestContent",
        f"The request content was invalid and could not be deserialized: '{reason}'.",
        target=target,
    )


def missing_api_version() -> ArmError:
    """The query has no api-version."""
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
    )


def invalid_api_version(version: str, supported: Sequence[str]) -> ArmError:
    """The api-version is not one of the Resource Manager's own."""
    return ArmError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version {quoted(version)} is invalid. The supported versions are '{','.join(reversed(supported))}'.",
    )


def no_registered_provider(version: str, resource_type: str, supported: Sequence[str]) -> ArmError:
    """The api-version is not one of a resource provider."""
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location 'global' and API version {quoted(version)} for type "
        f"'{resource_type}'. The supported api-versions are '{', '.join(supported)}'. "
        "The supported locations are 'global'.",
    )


def invalid_namespace(namespace: str) -> ArmError:
    """There is no such resource provider."""
    return ArmError(
        404, "InvalidResourceNamespace", f"The resource namespace {quoted(namespace)} is invalid or not registered."
    )


def invalid_resource_type(resource_type: str, namespace: str, version: str) -> ArmError:
    """The provider has no such type."""
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type {quoted(resource_type)} could not be found in the namespace {quoted(namespace)} "
        f"for api version {quoted(version)}.",
    )


def no_such_path() -> ArmError:
    """The path is not of the Resource Manager."""
    return ArmError(
        404, "MissingSubscription", "The request did not have a subscription or a valid tenant level resource provider."
    )


def wrong_method(method: str, allowed: Sequence[str]) -> ArmError:
    """The path is right, and the method wrong."""
    return ArmError(
        405,
        "MethodNotAllowed",
        f"The requested resource does not support http method {quoted(method)}.",
        headers={"Allow": ", ".join(allowed)},
    )


def _path_in_group(resource_id: ResourceId) -> str:
    """What follows the last ``providers``, as Azure writes it: ``Microsoft.Compute/virtualMachines/vm1``."""
    _, found, rest = str(resource_id).rpartition("/providers/")
    return rest if found else f"{resource_id.type}/{resource_id.name}"
