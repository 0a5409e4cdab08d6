"""Platform images: which guest a machine runs that is made from one, and what its operating system is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.printable import quoted
from uartsim.service.arm_error import ArmError

#: The publisher of our own images: the offer is the name of a guest of the catalogue.
OUR_PUBLISHER: Final = "uartsim"
#: The tag of a machine that names a guest of the catalogue, in whatever image.
GUEST_TAG: Final = "uartsim-guest"


@dataclass(frozen=True, slots=True)
class System:
    """An operating system as an instance view names it.

    Attributes:
        type: ``"Linux"`` or ``"Windows"``.
        name: such as ``debian``.
        version: such as ``12``.
    """

    type: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class _Image:
    """A platform image: a publisher and an offer, in lower case, and the guest that stands for it."""

    publisher: str
    offer: str
    guest: str


_IMAGES: Final = (
    _Image("debian", "debian-12", "debian-12"),
    _Image("microsoftwindowsserver", "windowsserver", "windows"),
)
_SYSTEMS: Final[Mapping[str, System]] = {
    "demo": System("Linux", "debian", "12"),
    "windows": System("Windows", "Windows Server 2022 Datacenter", "10.0.20348.0"),
}


@cache
def _folder_name(guest: str) -> str:
    """The folder of a guest's files: of one that extends another one, that one's."""
    from uartsim.guest.catalogue import find_guest  # imported here, as below: the service answers before it is loaded

    try:
        return find_guest(guest).folder.name
    except UsageError:
        return guest


def system_of_guest(guest: str) -> System:
    """What a guest's operating system is called."""
    name = _folder_name(guest)
    if name in _SYSTEMS:
        return _SYSTEMS[name]
    if name.startswith("debian"):
        return System("Linux", "debian", "12")
    return System("Linux", name.partition("/")[0] or "linux", "")


def guest_of_image(reference: Mapping[str, Any], tags: Mapping[str, Any]) -> str:
    """The guest for a new machine.

    Args:
        reference: the body's ``imageReference``; empty if it has none.
        tags: the body's tags.

    Raises:
        ArmError: 404, there is no such image; the message says which there are.
    """
    from uartsim.guest.catalogue import list_guests

    names = {one.name.casefold(): one.name for one in list_guests()}
    wanted = next((str(value) for name, value in tags.items() if name.casefold() == GUEST_TAG), None)
    publisher, offer = (str(reference.get(name) or "").casefold() for name in ("publisher", "offer"))
    if wanted is None and publisher == OUR_PUBLISHER:
        wanted = offer
    if wanted is not None:
        if wanted.casefold() in names:
            return names[wanted.casefold()]
        raise _not_found(f"{OUR_PUBLISHER}:{wanted}", names.values())
    for image in _IMAGES:
        if (image.publisher, image.offer) == (publisher, offer) and image.guest in names:
            return image.guest
    raise _not_found(f"{reference.get('publisher', '')}:{reference.get('offer', '')}", names.values())


def _not_found(what: str, names: Any) -> ArmError:
    others = ", ".join(f"{image.publisher}:{image.offer}" for image in _IMAGES)
    return ArmError(
        404,
        "PlatformImageNotFound",
        f"The platform image {quoted(what)} is not available. Verify that all fields in the storage profile are correct: "
        f"publisher:offer is one of {others}, or {OUR_PUBLISHER}: with a guest of the catalogue ({', '.join(sorted(names))}).",
        target="imageReference",
    )
