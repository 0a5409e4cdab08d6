"""What is done to a guest's private disk before it boots: the options ``edit``, ``grub`` and ``seed``.

``seed`` may be given by a setting of that name, which the option replaces; ``none`` is no seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from uartsim.errors import UsageError
from uartsim.images.offline_edit import ImageChanges, change_image, read_changes
from uartsim.images.overlay import Overlay
from uartsim.images.seed import Seed, read_seed

#: The options that are only for a guest with a disk.
OPTIONS: Final = ("edit", "grub", "seed")
#: The value of ``seed`` that is none.
NO_SEED: Final = "none"
_PLACE: Final = Path("seed")


@dataclass(frozen=True, slots=True)
class BeforeBoot:
    """What is done before a boot.

    Attributes:
        changes: what is changed on the disk.
        seed: what the guest is told at its first boot, or None.
    """

    changes: ImageChanges = field(default_factory=ImageChanges)
    seed: Seed | None = None

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
            change_image(overlay.path, "qcow2", self.changes, progress)
        if self.seed is None:
            return {}
        name = "seed.ign" if self.seed.kind == "ignition" else "seed.iso"
        place = overlay.add_content(name, self.seed.content)
        return dict(zip(self.arguments(), self.seed.arguments(place), strict=True))


def read_before_boot(options: Mapping[str, Any], settings: Mapping[str, Any]) -> BeforeBoot:
    """What the options and settings of a guest with a disk say.

    Raises:
        UsageError: one is wrong, or a file that it names cannot be read.
    """
    seed = options.get("seed", settings.get("seed", NO_SEED))
    if not isinstance(seed, str):
        raise UsageError("seed is not text: give USER:PASSWORD, the path of a folder or of an Ignition file, or 'none'")
    return BeforeBoot(
        read_changes(options.get("edit"), options.get("grub")), None if seed == NO_SEED else read_seed(seed)
    )
