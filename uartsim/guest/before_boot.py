"""What is done to a guest's private disk before it boots: the options ``edit``, ``grub`` and ``seed``.

``seed`` may be given by a setting of that name, which the option replaces; ``none`` is no seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.images.image_steps import Damage, ImageStep
from uartsim.images.offline_edit import ImageChanges, Texts, change_image, read_changes
from uartsim.images.overlay import Overlay
from uartsim.images.seed import Seed, read_seed
from uartsim.printable import printable_line

#: The value of ``seed`` that is none.
NO_SEED: Final = "none"
_PLACE: Final = Path("seed")
#: The options that change a disk.
_CHANGES: Final = ("edit", "grub", "steps", "damage")


@dataclass(frozen=True, slots=True)
class BeforeBoot:
    """What is done before a boot.

    Attributes:
        changes: what is changed on the disk.
        seed: what the guest is told at its first boot, or None.
    """

    changes: ImageChanges = field(default_factory=ImageChanges)
    seed: Seed | None = None

    @property
    def account(self) -> tuple[str, str] | None:
        """The user whom the seed makes, and that user's password; None if the seed was not made of these."""
        seed = self.seed
        return None if seed is None or seed.user is None or seed.password is None else (seed.user, seed.password)

    def arguments(self) -> list[str]:
        """QEMU's arguments for the seed, with a stand-in for its file, so that they are the same each time."""
        return [] if self.seed is None else self.seed.arguments(_PLACE)

    def prepare(self, overlay: Overlay, progress: Callable[[str], None]) -> dict[str, str]:
        """Change a new overlay, and put the seed beside it.

        Args:
            overlay: the overlay, from which nothing runs yet.  It must not be used if this fails.
            progress: told what is being done, and each change.

        Returns: the arguments to replace by others, those with the place of the seed's file.

        Raises:
            UsageError: a change is not possible in this guest, or a program is missing.
            UartsimError: a file system is damaged, or there is no room.
        """
        if self.changes:
            # a name in the guest must not begin a line of ours
            change_image(overlay.path, "qcow2", self.changes, lambda text: progress(printable_line(text)))
        if self.seed is None:
            return {}
        name = "seed.ign" if self.seed.kind == "ignition" else "seed.iso"
        place = overlay.add_content(name, self.seed.content)
        return dict(zip(self.arguments(), self.seed.arguments(place), strict=True))


def with_before_boot(
    definition: GuestDefinition,
    *,
    edit: Texts | None = None,
    grub: Texts | None = None,
    seed: str | None = None,
    steps: tuple[ImageStep, ...] = (),
    damage: tuple[Damage, ...] = (),
) -> GuestDefinition:
    """A guest with these options, which have been checked.

    Args:
        definition: the guest.
        edit: files in the guest, see :func:`uartsim.images.offline_edit.read_changes`.
        grub: settings of its GRUB, see there.
        seed: see :func:`uartsim.images.seed.read_seed`; ``"none"`` for no seed, None for the guest's own.
        steps, damage: see :class:`uartsim.images.offline_edit.ImageChanges`.

    Raises:
        UsageError: the guest has no disk, or an option is wrong.
    """
    values = {"edit": edit, "grub": grub, "seed": seed, "steps": steps, "damage": damage}
    given = {name: value for name, value in values.items() if value not in (None, (), [], {})}
    if given and not definition.has_disk:
        raise UsageError(
            f"guest {definition.name!r} has no disk: only a guest that boots from a disk image has the option "
            f"{next(iter(given))!r}"
        )
    options = {**definition.options, **given}
    read_before_boot(options, definition.settings)
    return replace(definition, options=MappingProxyType(options))


def read_before_boot(options: Mapping[str, Any], settings: Mapping[str, Any]) -> BeforeBoot:
    """What the options and settings of a guest with a disk say.

    Raises:
        UsageError: one is wrong, or a file that it names cannot be read.
    """
    seed = options.get("seed", settings.get("seed", NO_SEED))
    if not isinstance(seed, str):
        raise UsageError("seed is not text: give USER:PASSWORD, the path of a folder or of an Ignition file, or 'none'")
    named = read_changes(options.get("edit"), options.get("grub"))
    changes = replace(named, steps=options.get("steps", ()), damage=options.get("damage", ()))
    return BeforeBoot(changes, None if seed == NO_SEED else read_seed(seed))


def without_changes(definition: GuestDefinition) -> GuestDefinition:
    """A guest whose disk has been changed already, as that of a snapshot has."""
    kept = {name: value for name, value in definition.options.items() if name not in _CHANGES}
    return replace(definition, options=MappingProxyType(kept))
