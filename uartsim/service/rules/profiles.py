"""What is demanded of consoles in the whole tenant: the profile, the cloud, and multi-factor authentication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final, TypeVar

from uartsim.errors import UsageError
from uartsim.printable import quoted

Choice = TypeVar("Choice", bound=StrEnum)


class Profile(StrEnum):
    """Which document's service it is."""

    #: The document of May 2019, "Azure Serial Console for Linux".
    DEFAULT = "default"
    #: The document of the preview: white-listed subscriptions, two regions, no scale sets.
    PREVIEW = "preview"


class Wording(StrEnum):
    """Whose texts a refusal has, where they differ."""

    DOCUMENTS = "documents"
    #: What today's portal says.
    PORTAL = "portal"


class Cloud(StrEnum):
    """The clouds, by the names that ``az cloud list`` gives them."""

    PUBLIC = "AzureCloud"
    GOVERNMENT = "AzureUSGovernment"
    CHINA = "AzureChinaCloud"


#: The regions in which the preview is to be had: West Central US and West Europe.
PREVIEW_REGIONS: Final = ("westcentralus", "westeurope")


@dataclass(frozen=True, slots=True)
class ConsolePolicy:
    """What is demanded of consoles in the whole tenant.

    Attributes:
        profile: which document's service it is.
        wording: whose texts a refusal has.
        cloud: the cloud that the service claims to be in.
        require_mfa: whether the tenant demands multi-factor authentication.
        preview_subscriptions: ids of the subscriptions that take part in the preview.
    """

    profile: Profile = Profile.DEFAULT
    wording: Wording = Wording.DOCUMENTS
    cloud: Cloud = Cloud.PUBLIC
    require_mfa: bool = False
    preview_subscriptions: frozenset[str] = frozenset()

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> ConsolePolicy:
        """The policy that a set-up file's table ``[console]`` describes.

        Raises:
            UsageError: a key or a value is wrong.
        """
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(table) - set(names))
        if unknown:
            raise UsageError(f"{quoted(unknown[0])} is not a setting of the console: use {', '.join(names)}")
        mfa = table.get("require_mfa", False)
        if not isinstance(mfa, bool):
            raise UsageError(f"require_mfa is {quoted(str(mfa))}: use true or false")
        listed = table.get("preview_subscriptions", [])
        if not isinstance(listed, list | tuple) or not all(isinstance(one, str) for one in listed):
            raise UsageError("preview_subscriptions is not a list of ids of subscriptions")
        return cls(
            _choice(Profile, table, "profile", Profile.DEFAULT),
            _choice(Wording, table, "wording", Wording.DOCUMENTS),
            _choice(Cloud, table, "cloud", Cloud.PUBLIC),
            mfa,
            frozenset(one.casefold() for one in listed),
        )


def _choice(kind: type[Choice], table: Mapping[str, Any], name: str, default: Choice) -> Choice:
    value = table.get(name, default)
    try:
        return kind(value)
    except ValueError:
        raise UsageError(f"{name} is {quoted(str(value))}: use one of {', '.join(kind)}") from None
