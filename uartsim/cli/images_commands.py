"""The commands ``uartsim images``: the disk images that uartsim keeps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uartsim.cli.completion_values import complete_built_guest, complete_image
from uartsim.cli.help_text import CommandGroup, described
from uartsim.cli.option_types import Seconds
from uartsim.errors import UsageError
from uartsim.printable import printable_line
from uartsim.standard_streams import reader_may_leave

if TYPE_CHECKING:
    from uartsim.cli.images_progress import ImagesProgress
    from uartsim.images.image_check import Finding
    from uartsim.images.image_store import StoredImage
    from uartsim.images.partial_file import Partial

#: The longest that images can be asked to have been unused, in days.
_MOST_DAYS = 100_000


@described("Build, import, fetch and remove disk images.", "uartsim images build debian-12")
@click.group(cls=CommandGroup)
def images() -> None:
    """Build, import, fetch and remove the disk images that uartsim keeps.

    They are in the folder images of the user's cache.  'uartsim run NAME' runs one of them.
    """


@contextmanager
def _showing() -> Iterator[ImagesProgress]:
    """Progress on standard error; a signal ends the command once everything half done is removed."""
    from uartsim.cli.images_progress import ImagesProgress
    from uartsim.cli.undone_by_signals import EndedBySignal, undone_by_signals

    try:
        with undone_by_signals(), ImagesProgress() as progress:
            yield progress
    except EndedBySignal as ended:
        click.echo("uartsim: interrupted: no half image is left", err=True)
        raise click.exceptions.Exit(128 + ended.number) from None


@described("List the images, and what could be built.", "uartsim images list --check")
@images.command("list")
@click.option(
    "--check", is_flag=True, help="Read all of them and compare their SHA-256; exits with 1 if one is damaged."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def list_stored(check: bool, as_json: bool) -> None:
    """List the images that there are, and what could be built."""
    from uartsim.images.image_store import findings, read_store
    from uartsim.images.partial_file import partial_downloads

    parts: list[Partial] = []
    with _showing() as progress:
        found = findings(check=check, progress=progress.say)
        if (store := read_store()) is not None:
            with store:
                parts = partial_downloads(store)
    with reader_may_leave():
        if as_json:
            click.echo(json.dumps([*map(_as_json, found), *map(_partial_as_json, parts)], indent=2))
        else:
            _print_table(found, parts)
    if check and any(finding.problem for finding in found):
        raise click.exceptions.Exit(1)


def _as_json(finding: Finding) -> dict[str, Any]:
    image = finding.image
    words = ("key", "format", "kind", "source", "size_bytes", "disk_bytes", "sha256", "made_at", "used_at")
    known = {word: getattr(image, word) for word in words} | {"path": str(image.path)} if image else {}
    return {"name": finding.name, "problem": finding.problem, **known}


def _partial_as_json(part: Partial) -> dict[str, Any]:
    source = part.note.source if part.note else ""
    return {"name": part.name, "problem": "partial download", "path": str(part.path), "source": source}


def _print_table(found: list[Finding], parts: list[Partial]) -> None:
    from uartsim.images.disk_room import bytes_text
    from uartsim.images.image_removal import age_text

    rows = [("NAME", "FORMAT", "SIZE", "ON DISK", "MADE", "USED", "FROM")]
    for finding in found:
        if (image := finding.image) is not None:
            made = time.strftime("%Y-%m-%d", time.localtime(image.made_at))
            sizes = (bytes_text(image.size_bytes), bytes_text(image.disk_bytes))
            rows.append(
                (
                    image.name,
                    image.format,
                    *sizes,
                    made,
                    age_text(image.used_at),
                    printable_line(f"{image.kind}: {image.source}"),
                )
            )
        else:
            rows.append((finding.name, "-", "-", "-", "-", "-", "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    problems = ["", *(finding.problem for finding in found)]
    for row, problem in zip(rows, problems, strict=True):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if problem:
            click.echo(f"  ({row[0]} may be damaged: {problem}; 'uartsim images list --check' looks at its content)")
    for part in parts:
        source = f" from {part.note.source}" if part.note else ""
        click.echo(f"({part.name}: {bytes_text(part.length)} of a download{source}, kept as {part.path})")
    if unbuilt := sorted(set(_recipes()) - {finding.name for finding in found}):
        click.echo(f"(not built yet: {', '.join(unbuilt)}; 'uartsim images build NAME' builds one)")


def _recipes() -> dict[str, Any]:
    """The guests of the catalogue whose images are built here, by name."""
    from uartsim.guest.catalogue import list_guests

    return {guest.name: guest for guest in list_guests() if guest.image is not None}


@described("Build the image that a guest boots from.", "uartsim images build debian-12")
@images.command()
@click.argument("name", shell_complete=complete_built_guest)
@click.option("--rebuild", is_flag=True, help="Build it even if it is there.")
def build(name: str, rebuild: bool) -> None:
    """Build the image that guest NAME boots from; NAME is in the catalogue, or is the path of a guest's folder."""
    from uartsim.guest.catalogue import find_guest
    from uartsim.images.build import build_image

    guest = find_guest(name)
    if guest.image is None:
        possible = ", ".join(sorted(_recipes())) or "none"
        raise UsageError(f"guest {guest.name!r} boots from no image that is built here; those that do: {possible}")
    with _showing() as progress:
        image = build_image(guest.image, guest.folder, progress.say, rebuild=rebuild)
    _print_image(image)


def _print_image(image: StoredImage) -> None:
    from uartsim.images.disk_room import bytes_text

    click.echo(
        f"{image.name}: {image.format}, a disk of {bytes_text(image.size_bytes)}, takes {bytes_text(image.disk_bytes)}, "
        f"SHA-256 {image.sha256}\n{image.path}"
    )


def _free_name(name: str | None, source: str) -> str:
    """The name that an image is to get; one of the catalogue is refused, because 'uartsim run' looks there first."""
    from uartsim.guest.catalogue import list_guests
    from uartsim.images.image_fetch import name_from
    from uartsim.images.image_records import check_name

    name = name_from(source) if name is None else check_name(name)
    if name in {guest.name for guest in list_guests()}:
        raise UsageError(f"{name} is a guest of the catalogue: give the image another name with --name")
    return name


@described("Copy a disk into the store.", "uartsim images import ./server.vmdk --name server")
@images.command("import")
@click.argument("path", type=click.Path())
@click.option("--name", metavar="NAME", help="What it is to be called; by default after its file.")
def import_disk(path: str, name: str | None) -> None:
    """Copy the disk PATH into the store.

    It is a qcow2, raw, vmdk, vhd, vhdx or ISO image, and is only read.
    """
    from uartsim.images.image_import import import_image

    if "://" in path:
        raise UsageError(f"{path} is a URL: use 'uartsim images fetch URL --sha256 SUM'")
    name = _free_name(name, path)
    with _showing() as progress:
        image = import_image(Path(path), name, progress.say, progress.moved)
    _print_image(image)


@described("Download a disk into the store.", "uartsim images fetch https://example.com/disk.qcow2.xz --sha256 SUM")
@images.command()
@click.argument("url")
@click.option("--sha256", required=True, metavar="SUM", help="The SHA-256 that the file has, in hexadecimal.")
@click.option("--name", metavar="NAME", help="What it is to be called; by default after its file.")
@click.option(
    "--timeout",
    "timeout_s",
    type=Seconds(positive=True, most=86400),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the server may be silent.",
)
def fetch(url: str, sha256: str, name: str | None, timeout_s: float) -> None:
    """Download the disk at URL (http or https) into the store.

    A file whose name ends in .gz, .xz or .bz2 is unpacked; SUM is that of the file before.  A download that has stopped
    goes on with the same command.
    """
    from uartsim.images.image_download import check_url
    from uartsim.images.image_fetch import fetch_image

    check_url(url)
    name = _free_name(name, url)
    with _showing() as progress:
        image = fetch_image(url, sha256, name, progress.say, progress.moved, timeout_s=timeout_s)
    _print_image(image)


@described("Remove images.", "uartsim images remove --unused 30")
@images.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete_image)
@click.option(
    "--unused",
    "days",
    type=click.FloatRange(0, _MOST_DAYS),
    metavar="DAYS",
    help="Remove built images that have not been used for so many days; those imported or fetched stay.",
)
def remove(names: tuple[str, ...], days: float | None) -> None:
    """Remove images by NAME, with what has been downloaded of them."""
    from uartsim.images.image_removal import remove_unused
    from uartsim.images.image_store import read_store, remove_image

    if bool(names) == (days is not None):
        raise UsageError("give the names of images, or --unused DAYS, and not both")
    with _showing() as progress:
        for name in names:
            remove_image(name, progress.say)
        if days is not None:
            store = read_store()
            removed = []
            if store is not None:
                with store:
                    removed = remove_unused(store, days, progress.say)
            if not removed:
                progress.say("nothing is removed: no built image has been unused for so long")


@described("Print the path of an image.", "uartsim images path debian-12")
@images.command()
@click.argument("name", shell_complete=complete_image)
def path(name: str) -> None:
    """Print the path of image NAME.  Nothing may write to it: give QEMU an overlay of it."""
    from uartsim.images.image_store import find_image

    with _showing() as progress:
        image = find_image(name, progress.say)
    if image is None:
        how = (
            f"'uartsim images build {name}' builds it"
            if name in _recipes()
            else "'uartsim images list' shows what there is"
        )
        raise UsageError(f"there is no image {name!r} in the store: {how}")
    click.echo(str(image.path))
