"""Why a path is not one of the management REST: an unknown provider, an unknown type, or no path of Azure's at all."""

from __future__ import annotations

from collections.abc import Sequence

from uartsim.service.arm import arm_texts
from uartsim.service.arm.api_versions import versions_of
from uartsim.service.arm_error import ArmError


def unmatched(segments: Sequence[str], version: str) -> ArmError:
    """The error for a path for which there is no operation.

    Args:
        segments: the path's segments.
        version: the api-version that was asked for.
    """
    lower = [segment.casefold() for segment in segments]
    if "providers" in lower[:-1]:
        at = len(lower) - lower[::-1].index("providers")
        namespace = segments[at] if at < len(segments) else ""
        if not versions_of(namespace):
            return arm_texts.invalid_namespace(namespace)
        return arm_texts.invalid_resource_type("/".join(segments[at + 1 :: 2]), namespace, version)
    if lower[:1] == ["subscriptions"]:
        return ArmError(404, "InvalidUri", "The requested URI does not represent any resource on the server.")
    return arm_texts.no_such_path()
