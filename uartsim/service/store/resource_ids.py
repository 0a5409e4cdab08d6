"""ARM ids, such as ``/subscriptions/S/resourceGroups/G/providers/Microsoft.Compute/virtualMachines/vm1``.

Two ids that differ in case only are equal, as they are in Azure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from uartsim.errors import UsageError
from uartsim.printable import quoted

#: What a segment of an id may not contain.
_FORBIDDEN: Final = re.compile(r"[\x00-\x1f\x7f/\\?#%]")


class ResourceId:
    """An ARM id.

    Args:
        text: the id, with or without a slash at its end.

    Raises:
        UsageError: it is not an id.
    """

    __slots__ = ("_key", "segments")

    def __init__(self, text: str) -> None:
        segments = text.removesuffix("/").split("/")[1:]
        if not text.startswith("/") or any(not part or _FORBIDDEN.search(part) for part in segments):
            raise UsageError(
                f"{quoted(text)} is not a resource id: use one such as /subscriptions/ID/resourceGroups/NAME"
            )
        #: The segments, as they were written.
        self.segments: tuple[str, ...] = tuple(segments)
        self._key = "/" + "/".join(segments).casefold()

    def __str__(self) -> str:
        return "/" + "/".join(self.segments)

    def __repr__(self) -> str:
        return f"ResourceId({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceId) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __truediv__(self, more: str) -> ResourceId:
        """The id with further segments, such as ``id / "providers/Microsoft.SerialConsole/serialPorts/0"``."""
        return ResourceId(f"{self}/{more}" if self.segments else f"/{more}")

    @property
    def key(self) -> str:
        """The id in lower case: equal for equal ids."""
        return self._key

    @property
    def name(self) -> str:
        """The last segment."""
        return self.segments[-1] if self.segments else ""

    @property
    def subscription(self) -> str | None:
        """The id of its subscription, or None."""
        return self._after("subscriptions")

    @property
    def group(self) -> str | None:
        """The name of its resource group, or None."""
        return self._after("resourcegroups")

    @property
    def type(self) -> str:
        """Its type, such as ``Microsoft.Compute/virtualMachines``, as it was written."""
        at = self._last_providers()
        if at is None:
            return {2: "Microsoft.Resources/subscriptions", 4: "Microsoft.Resources/resourceGroups"}.get(
                len(self.segments), ""
            )
        rest = self.segments[at + 1 :]
        return "/".join([*rest[:1], *rest[1::2]])

    def is_a(self, kind: str) -> bool:
        """Whether its type is ``kind``, in whatever case."""
        return self.type.casefold() == kind.casefold()

    @property
    def parent(self) -> ResourceId:
        """The id of what contains it: of an extension resource, what it extends; the tenant's root is ``/``."""
        at = self._last_providers()
        if at is not None and len(self.segments) - at <= 4:
            return _of(self.segments[:at])
        return _of(self.segments[:-2])

    def scopes(self) -> Iterator[ResourceId]:
        """The id itself and all that contain it, up to the tenant's root."""
        here = self
        while here.segments:
            yield here
            here = here.parent
        yield here

    def is_within(self, scope: ResourceId) -> bool:
        """Whether it is ``scope`` or something in it."""
        return not scope.segments or self._key == scope._key or self._key.startswith(scope._key + "/")

    def _after(self, word: str) -> str | None:
        for at, segment in enumerate(self.segments[:-1:2]):
            if segment.casefold() == word:
                return self.segments[2 * at + 1]
        return None

    def _last_providers(self) -> int | None:
        for at in range(len(self.segments) - 1, -1, -1):
            if self.segments[at].casefold() == "providers":
                return at
        return None


def _of(segments: tuple[str, ...]) -> ResourceId:
    return ResourceId("/" + "/".join(segments)) if segments else ROOT


def _root() -> ResourceId:
    root = ResourceId.__new__(ResourceId)
    root.segments = ()
    root._key = "/"
    return root


#: The tenant's root.
ROOT: Final = _root()
