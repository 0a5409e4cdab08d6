"""Downloading a disk into the store."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import re
import urllib.parse
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import Progress
from uartsim.images.disk_room import ROOM_REMEDY, bytes_text, check_room, full_disk_said, is_full, size_limit
from uartsim.images.host_tools import find_tool
from uartsim.images.image_copy import Moved, ignore_moved, unpack
from uartsim.images.image_download import TIMEOUT_S, Offer, Stopped, check_url, download
from uartsim.images.image_locks import name_lock
from uartsim.images.image_records import StoredImage, check_name
from uartsim.images.image_removal import keep_to_limit
from uartsim.images.image_store import keep_draft, new_draft, open_store, same_image
from uartsim.images.nbd_client import INSTALL
from uartsim.images.partial_file import PartialFile, PartNote, url_hash
from uartsim.images.storable_disk import storable_disk
from uartsim.own_files.folder import OwnFolder
from uartsim.printable import quoted

_Unpacking: TypeAlias = gzip.GzipFile | lzma.LZMAFile | bz2.BZ2File
_UNPACKERS: Final[dict[str, Callable[[BinaryIO], _Unpacking]]] = {
    ".gz": lambda file: gzip.GzipFile(fileobj=file),
    ".xz": lzma.LZMAFile,
    ".bz2": bz2.BZ2File,
}
#: What else files are packed with; the standard library of Python 3.11 cannot unpack it.
_UNKNOWN_PACKINGS: Final = (".zst", ".zip", ".7z", ".tar", ".tgz", ".lz4")


def fetch_image(
    url: str, sha256: str, name: str, progress: Progress, moved: Moved = ignore_moved, *, timeout_s: float = TIMEOUT_S
) -> StoredImage:
    """Download a disk into the store.  What has come of it before is completed.

    Args:
        url: where it is.  If the path ends in ``.gz``, ``.xz`` or ``.bz2``, the file is unpacked.
        sha256: the SHA-256 of the file at ``url``, in hexadecimal.
        name: what the image is to be called.
        progress: told what is being done.
        moved: told how many bytes are done, see :data:`uartsim.images.image_copy.Moved`.
        timeout_s: how long the server may be silent, in seconds.

    Raises:
        UsageError: the URL or checksum has no valid form, the server does not have the file, it is not a disk, or another
            image has that name.
        UartsimError: the server cannot be reached or has stopped, the checksum is wrong, there is no room, or the store
            cannot be written.
    """
    check_name(name)
    source = check_url(url)
    sha256 = sha256.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise UsageError(
            f"{quoted(sha256)} is not a SHA-256: give its 64 hexadecimal digits, as 'sha256sum FILE' prints them"
        )
    suffix = os.path.splitext(urllib.parse.urlsplit(url).path)[1].lower()
    if suffix in _UNKNOWN_PACKINGS:
        raise UsageError(
            f"{source} is packed as {suffix}, which uartsim cannot unpack: download and unpack it yourself, "
            "and use 'uartsim images import PATH'"
        )
    find_tool("qemu-nbd", INSTALL)  # looks at what has come; without it nothing need come
    doing = f"fetching {name}"
    note = PartNote(source, url_hash(url), sha256)
    image = StoredImage(name, sha256[:32], "raw", "fetched", source)
    with open_store(progress) as own, full_disk_said(own, doing), name_lock(own, name, progress):
        there = same_image(own, name, lambda image: image.key == sha256[:32], progress)
        if there is not None:
            progress(f"the same file is in the store already, as {there.path}")
            return there
        part = PartialFile(own, name)
        try:
            _complete(_Transfer(own, part, note, url, timeout_s, progress, moved))
            with new_draft(own, image, progress) as draft:
                image = _image_of(own, part, draft, image, sha256, suffix, moved)
            part.discard()
        finally:
            part.close()
        keep_to_limit(own, image.stem, progress)
        return image


class _Transfer:
    """One download into a partial file.

    Args:
        own: the store.
        part: the partial file.
        note: what it is to be a part of.
        url: where it is.
        timeout_s: how long the server may be silent, in seconds.
        progress: told what is being done.
        moved: told how many bytes are there.
    """

    def __init__(
        self,
        own: OwnFolder,
        part: PartialFile,
        note: PartNote,
        url: str,
        timeout_s: float,
        progress: Progress,
        moved: Moved,
    ) -> None:
        self.own = own
        self.part = part
        self.note = note
        self.url = url
        self.timeout_s = timeout_s
        self.progress = progress
        self.moved = moved
        self.total: int | None = None
        self.resumed = False

    @property
    def what_came(self) -> str:
        """How much has come, as a part of a sentence."""
        return bytes_text(self.part.length) + (f" of {bytes_text(self.total)}" if self.total is not None else "")

    @property
    def how_to_go_on(self) -> str:
        """Where it is kept and what to do, as the end of a sentence."""
        return f"what has come is kept as {self.part.path}, and the same command goes on from there"

    def run(self) -> None:
        """Download what is missing.

        Raises:
            UartsimError: it has stopped; the message says what is kept.
        """
        earlier = self.part.note
        if earlier is not None and earlier.sha256 != self.note.sha256:
            self.progress(f"what had come of another file ({earlier.source}) is given up")
            self.part.start_over()
            earlier = None
        same_url = earlier is not None and earlier.url_sha256 == self.note.url_sha256
        have = self.part.length
        if earlier is not None and have and have == earlier.total:
            self.total, self.resumed = have, True
            return
        try:
            validator = earlier.validator if earlier is not None and same_url else ""
            download(self.url, have, validator, self._begin, self._write, self.timeout_s)
        except Stopped as error:
            if self.part.length == 0:
                raise UartsimError(f"{self.note.source} cannot be fetched: {error}") from None
            raise UartsimError(
                f"fetching {self.note.source} has stopped after {self.what_came}: {error}; {self.how_to_go_on}"
            ) from None
        except OSError as error:
            if not is_full(error):
                raise
            raise UartsimError(
                f"fetching {self.note.source} has stopped after {self.what_came}: {error.strerror} in {self.own.path}; "
                f"{ROOM_REMEDY}; {self.how_to_go_on}"
            ) from None
        except BaseException as error:
            if not isinstance(error, Exception) and self.part.length:
                self.progress(self.how_to_go_on)
            raise

    def _begin(self, offer: Offer) -> None:
        have = self.part.length
        self.total, self.resumed = offer.total, offer.start > 0
        if offer.total is not None:
            limit = size_limit()
            if limit is not None and offer.total > limit:
                raise UsageError(
                    f"{self.note.source} has {bytes_text(offer.total)}, more than all images may take "
                    f"({bytes_text(limit)}): set UARTSIM_IMAGES_LIMIT"
                )
            self.progress(check_room(self.own, f"fetching {self.note.source}", offer.total - offer.start))
        if offer.start == 0:
            if have:
                self.progress(f"the server sends all of it again: {bytes_text(have)} that had come are given up")
            self.part.start_over()
        else:
            self.progress(f"going on after {bytes_text(offer.start)} that had come before")
        self.part.set_note(replace(self.note, total=offer.total, validator=offer.validator))

    def _write(self, piece: bytes) -> None:
        self.part.write(piece)
        length = self.part.length
        limit = size_limit()
        if limit is not None and length > limit:
            self.part.start_over()
            raise UartsimError(
                f"{self.note.source} has more than all images may take ({bytes_text(limit)}): set UARTSIM_IMAGES_LIMIT"
            )
        self.moved(length, self.total)


def _complete(transfer: _Transfer) -> None:
    """Download what is missing, and check the whole; a resumed download with a wrong checksum is made anew once."""
    transfer.run()
    for again in (transfer.resumed, False):
        transfer.progress(f"checking the SHA-256 of {transfer.what_came}")
        found = transfer.part.sha256(transfer.moved)
        if found == transfer.note.sha256:
            return
        length, total = transfer.part.length, transfer.total
        transfer.part.start_over()
        if not again:
            announced = "without saying how many there are" if total is None else f"of {total} that it announced"
            raise UartsimError(
                f"{transfer.note.source} has the SHA-256 {found}, but --sha256 says {transfer.note.sha256} "
                f"(the server has sent {length} bytes {announced}): check both; what was downloaded has been removed"
            )
        transfer.progress("what had come before does not belong to this file: it is downloaded from the start")
        transfer.run()


def _image_of(
    own: OwnFolder, part: PartialFile, draft: str, image: StoredImage, sha256: str, suffix: str, moved: Moved
) -> StoredImage:
    """Make the image of a complete download; the partial file is used up unless it has to be unpacked."""
    unpacker = _UNPACKERS.get(suffix)
    shown = image.source
    if unpacker is None:
        own.replace(part.name, draft)
        image = replace(image, sha256=sha256)
    else:
        shown = f"what is packed in {image.source}"
        _unpack(own, part, draft, image, unpacker, moved)
    try:
        report = storable_disk(Path(own.path, draft), shown)
    except UartsimError:
        part.discard()
        raise
    return keep_draft(own, draft, replace(image, format=report.format, size_bytes=report.size))


def _unpack(
    own: OwnFolder,
    part: PartialFile,
    draft: str,
    image: StoredImage,
    unpacker: Callable[[BinaryIO], _Unpacking],
    moved: Moved,
) -> None:
    os.lseek(part.fd, 0, os.SEEK_SET)
    target = own.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    limit = size_limit()
    try:
        with open(part.fd, "rb", closefd=False) as file, contextlib.closing(unpacker(file)) as packed:
            unpack(packed, target, limit, lambda done: moved(done, None))
    except (OSError, lzma.LZMAError, EOFError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        part.start_over()
        raise UartsimError(
            f"{image.source} cannot be unpacked ({error}), although its SHA-256 is right: "
            "the file is damaged where it comes from"
        ) from None
    except OverflowError:
        raise UartsimError(
            f"{image.source} is unpacked larger than all images may take ({bytes_text(limit or 0)}): set UARTSIM_IMAGES_LIMIT"
        ) from None
    finally:
        os.close(target)


def name_from(text: str) -> str:
    """A name for an image, made of the end of a path or URL.

    Raises:
        UsageError: nothing is left of it that can be a name.
    """
    base = Path(urllib.parse.unquote(urllib.parse.urlsplit(text).path) if "://" in text else text).name.lower()
    for suffix in (*_UNPACKERS, ".qcow2", ".raw", ".img", ".vmdk", ".vhd", ".vhdx", ".iso"):
        base = base.removesuffix(suffix)
    name = re.sub(r"[^a-z0-9._-]+", "-", base).strip("-._")[:64]
    try:
        return check_name(name)
    except UsageError:
        raise UsageError(f"no name for the image follows from {quoted(text)}: give one with --name") from None
