"""Building the image of a recipe, or finding the one that has been built of it before.

A *builder* is a module of this room that makes the disk of a recipe.  :data:`BUILDERS` names them; a module is imported
only when something is built.  It has

- ``BUILDER``, a :class:`Builder`: what it needs, and its function ``make``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from uartsim.errors import UsageError
from uartsim.file_cache import Progress
from uartsim.images.host_tools import has_tool
from uartsim.images.image_records import StoredImage
from uartsim.images.image_store import stored_image
from uartsim.images.recipe import Recipe, recipe_key

#: The modules of the builders, by the name that ``[image] builder`` gives.
BUILDERS: Final[Mapping[str, str]] = {
    "debian": "uartsim.images.debian_builder",
    "alpine": "uartsim.images.alpine_builder",
    "debian-installer": "uartsim.images.installer_builder",
}


@dataclass(frozen=True, slots=True)
class Builder:
    """One way of making a disk image.

    Attributes:
        version: changes when the same recipe gives another image than before.
        format: the format of what it makes, ``"qcow2"`` or ``"raw"``.
        programs: the programs that it runs, and the command ``apt-get install PACKAGE`` that installs each.
        make: makes the image of ``(recipe, the guest's folder, the path of the draft, progress)``; may return a text that says
            better than ``source`` what it is made of.
        expected_bytes: how much room the image and all that is needed to make it take, at most.
        source: where the image comes from, in words, for the list of images.
    """

    version: str
    format: str
    programs: Mapping[str, str]
    make: Callable[[Recipe, Path, Path, Progress], str | None]
    expected_bytes: Callable[[Recipe], int]
    source: Callable[[Recipe], str]


def builder_of(recipe: Recipe) -> Builder:
    """The builder that a recipe names."""
    builder: Builder = importlib.import_module(BUILDERS[recipe.builder]).BUILDER
    return builder


def missing_programs(recipe: Recipe) -> str:
    """The command that installs the programs that a build needs and this machine lacks; empty if it has all of them."""
    commands = [install for program, install in builder_of(recipe).programs.items() if not has_tool(program)]
    packages = sorted({word for command in commands for word in command.removeprefix("apt-get install ").split()})
    return f"apt-get install {' '.join(packages)}" if packages else ""


def build_image(recipe: Recipe, folder: Path, progress: Progress, *, rebuild: bool = False) -> StoredImage:
    """The image of a recipe, which is built if it is not kept yet.

    Args:
        recipe: the recipe.
        folder: the guest's folder; its name is the image's.
        progress: told what is being done.
        rebuild: build it even if it is kept, for newer packages.

    Raises:
        UsageError: a program is missing, or the recipe names something that does not exist.
        UartsimError: the image cannot be built or kept.
    """
    builder = builder_of(recipe)

    def make(draft: Path) -> str | None:
        if missing := missing_programs(recipe):
            raise UsageError(f"building the image {folder.name} needs programs that are missing here: {missing}")
        return builder.make(recipe, folder, draft, progress)

    return stored_image(
        folder.name,
        recipe_key(recipe, folder, builder.version),
        make,
        progress,
        format=builder.format,
        source=builder.source(recipe),
        expected_bytes=builder.expected_bytes(recipe),
        rebuild=rebuild,
    )
