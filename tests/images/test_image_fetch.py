"""Downloads: what comes whole becomes an image; what stops is kept, named and completed; what is wrong is neither."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import lzma
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.images.http_files import Served, serving
from tests.images.store_rig import DISK, entries, kept, store
from uartsim.errors import UartsimError, UsageError
from uartsim.images.image_download import check_url
from uartsim.images.image_fetch import fetch_image, name_from
from uartsim.images.image_store import StoredImage, find_image, images_folder, list_images, remove_image

__all__ = ["store"]

pytestmark = pytest.mark.needs("qemu-img")

SUM = hashlib.sha256(DISK).hexdigest()
FILES = [f"disk-{SUM[:32]}.json", f"disk-{SUM[:32]}.raw"]
PARTS = ["disk.part", "disk.part.json"]


@pytest.fixture
def server(store: Path) -> Iterator[Served]:
    with serving(Served({"/disk.img": DISK})) as served:
        yield served


def fetched(
    served: Served, said: list[str] | None = None, *, path: str = "/disk.img", sha256: str = SUM, timeout_s: float = 30
) -> StoredImage:
    said = [] if said is None else said
    return fetch_image(served.url + path, sha256, "disk", said.append, timeout_s=timeout_s)


def cut_after(served: Served, count: int) -> None:
    """The download is stopped by the server after so many bytes."""
    served.most = count
    with pytest.raises(UartsimError, match="has stopped after"):
        fetched(served)
    served.most = None
    served.requests.clear()


def test_a_disk_is_downloaded_once(server: Served, store: Path) -> None:
    moved: list[tuple[int, int | None]] = []
    said: list[str] = []
    image = fetch_image(
        f"{server.url}/disk.img?key=secret", SUM.upper(), "disk", said.append, lambda *far: moved.append(far)
    )
    assert entries(store) == FILES
    assert image.path.read_bytes() == DISK
    assert (image.kind, image.format, image.sha256) == ("fetched", "raw", SUM)
    assert image.source == f"{server.url}/disk.img"
    assert not any("secret" in (store / name).read_text(errors="replace") for name in entries(store))
    assert "secret" not in "".join(said)
    assert (len(DISK), len(DISK)) in moved
    assert f"fetching {server.url}/disk.img needs about 105 kB of disk" in said[0]
    again = fetched(server, said)
    assert again.path == image.path
    assert said[-1] == f"the same file is in the store already, as {image.path}"
    assert server.requests == [""]


def test_a_download_that_stops_is_kept_named_and_completed(server: Served, store: Path) -> None:
    server.most = 40_000
    with pytest.raises(UartsimError) as stopped:
        fetched(server)
    assert str(stopped.value) == (
        f"fetching {server.url}/disk.img has stopped after 40 kB of 105 kB: the server has closed the connection; "
        f"what has come is kept as {store}/disk.part, and the same command goes on from there"
    )
    assert entries(store) == PARTS
    assert (list_images(), find_image("disk")) == ([], None)
    assert (store / "disk.part").read_bytes() == DISK[:40_000]
    said: list[str] = []
    with pytest.raises(UartsimError, match="after 80 kB of 105 kB"):
        fetched(server, said)
    assert "going on after 40 kB that had come before" in said
    fetched(server)
    assert server.requests == ["", "bytes=40000-", "bytes=80000-"]
    assert entries(store) == FILES
    assert (store / FILES[1]).read_bytes() == DISK


@pytest.mark.parametrize("how", ["chunked", "resets", "stalls_after", "not announced"])
def test_however_it_stops_it_goes_on(server: Served, store: Path, how: str) -> None:
    server.most = 40_000
    if how == "not announced":
        server.announced = None
    elif how == "stalls_after":
        server.most, server.stalls_after = None, 40_000
    else:
        setattr(server, how, True)
    unannounced = how == "not announced"
    reason = {"stalls_after": "has sent nothing for 0.3 s"}.get(how, "closed the connection")
    with pytest.raises(UartsimError, match="the server has sent 40000 bytes without" if unannounced else reason):
        fetched(server, timeout_s=0.3 if how == "stalls_after" else 30)
    if how != "resets":  # a reset may overtake the bytes before it
        # Where no length was announced, the end of the file cannot be told from a stop.
        assert entries(store) == ([] if unannounced else PARTS)
    server.most = server.stalls_after = None
    assert fetched(server).path.read_bytes() == DISK
    assert entries(store) == FILES


def test_a_server_without_ranges_sends_all_again(server: Served, store: Path) -> None:
    cut_after(server, 40_000)
    server.knows_ranges = False
    said: list[str] = []
    assert fetched(server, said).path.read_bytes() == DISK
    assert "the server sends all of it again: 40 kB that had come are given up" in said


def test_another_version_of_the_file_is_not_appended(server: Served, store: Path) -> None:
    newer = DISK + b"newer"
    cut_after(server, 40_000)
    server.files["/disk.img"], server.etag = bytes(reversed(newer)), '"2"'
    with pytest.raises(UartsimError, match="has the SHA-256"):
        fetched(server)
    assert server.requests == ["bytes=40000-"]
    assert entries(store) == []


def test_parts_of_two_versions_are_noticed_by_the_checksum_and_downloaded_from_the_start(
    server: Served, store: Path
) -> None:
    server.etag = ""
    server.files["/disk.img"] = b"other" * 30_000
    cut_after(server, 40_000)
    server.files["/disk.img"] = DISK
    said: list[str] = []
    assert fetched(server, said).path.read_bytes() == DISK
    assert server.requests == ["bytes=40000-", ""]
    assert "what had come before does not belong to this file: it is downloaded from the start" in said


def test_a_part_that_is_longer_than_the_file_is_given_up(server: Served, store: Path) -> None:
    cut_after(server, 40_000)
    with (store / "disk.part").open("ab") as file:
        file.write(bytes(200_000))
    assert fetched(server).path.read_bytes() == DISK
    assert server.requests == ["bytes=240000-", ""]


def test_a_part_that_is_complete_is_not_asked_for_again(server: Served, store: Path) -> None:
    cut_after(server, 40_000)
    (store / "disk.part").write_bytes(DISK)
    assert fetched(server).path.read_bytes() == DISK
    assert server.requests == []


@pytest.mark.parametrize("note", [None, b"", b"[" * 20_000, b'{"source": 1}', b"[1]", b"x" * 40_000])
def test_a_part_of_which_nothing_is_known_is_given_up(server: Served, store: Path, note: bytes | None) -> None:
    cut_after(server, 40_000)
    (store / "disk.part.json").unlink()
    if note is not None:
        (store / "disk.part.json").write_bytes(note)
    assert fetched(server).path.read_bytes() == DISK
    assert server.requests == [""]
    assert entries(store) == FILES


def test_a_part_of_another_file_is_given_up(server: Served, store: Path) -> None:
    server.files["/other.img"] = b"other" * 30_000
    server.most = 40_000
    with pytest.raises(UartsimError, match="has stopped"):
        fetched(server, path="/other.img", sha256="0" * 64)
    server.most = None
    said: list[str] = []
    assert fetched(server, said).path.read_bytes() == DISK
    assert f"what had come of another file ({server.url}/other.img) is given up" in said


def test_a_part_that_is_a_link_is_not_written_through(server: Served, store: Path, tmp_path: Path) -> None:
    cut_after(server, 40_000)
    (tmp_path / "precious").write_text("ten years")
    (store / "disk.part").unlink()
    (store / "disk.part").symlink_to(tmp_path / "precious")
    with pytest.raises(UartsimError, match="has failed"):
        fetched(server)
    assert (tmp_path / "precious").read_text() == "ten years"
    remove_image("disk")
    fetched(server)


@given(st.lists(st.integers(1, len(DISK) - 1), max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12, deadline=None)
def test_a_download_that_stops_anywhere_ends_up_whole(server: Served, store: Path, stops: list[int]) -> None:
    for count in stops:
        server.most = count
        try:
            fetched(server)
        except UartsimError:
            assert entries(store) == PARTS
    server.most = None
    assert fetched(server).path.read_bytes() == DISK
    remove_image("disk")


# -- what is wrong ------------------------------------------------------------------------------------------


def test_a_wrong_checksum_says_both_and_leaves_nothing_of_the_download(server: Served, store: Path) -> None:
    kept()
    with pytest.raises(UartsimError) as wrong:
        fetched(server, sha256="0" * 64)
    assert str(wrong.value) == (
        f"{server.url}/disk.img has the SHA-256 {SUM}, but --sha256 says {'0' * 64} (the server has sent "
        f"{len(DISK)} bytes of {len(DISK)} that it announced): check both; what was downloaded has been removed"
    )
    assert len(entries(store)) == 2
    assert server.requests == [""]


@pytest.mark.parametrize("announced", [-5, 5])
def test_a_server_that_announces_a_wrong_length_is_found_out(server: Served, store: Path, announced: int) -> None:
    server.announced = announced
    what = "has stopped after 105 kB of 105 kB" if announced > 0 else "has the SHA-256"
    with pytest.raises(UartsimError, match=what):
        fetched(server)
    assert list_images() == []
    server.announced = 0
    assert fetched(server).path.read_bytes() == DISK


def test_a_part_of_the_wrong_place_is_not_taken(server: Served, store: Path) -> None:
    cut_after(server, 40_000)
    server.content_range = f"bytes 0-{len(DISK) - 1}/{len(DISK)}"
    with pytest.raises(UartsimError, match="another part of the file than it was asked for; what has come is kept"):
        fetched(server)
    server.content_range = ""
    assert fetched(server).path.read_bytes() == DISK


@pytest.mark.parametrize(
    ("status", "error", "what"),
    [
        (404, UsageError, "has no such file \\(404 Not Found\\): check the URL"),
        (410, UsageError, "has no such file"),
        (403, UsageError, "refuses the file"),
        (400, UsageError, "does not understand the request"),
        (416, UsageError, "does not understand the request"),
        (503, UartsimError, "cannot be fetched: 127.* answers 503 Service Unavailable"),
        (204, UartsimError, "answers 204"),
        ("/circle", UsageError, "redirects in a circle"),
        ("file:///etc/passwd", UsageError, "redirects in a circle, or to what is no web address"),
        ("ftp://127.0.0.1/x", UartsimError, "unknown url type"),
    ],
)
def test_what_a_server_answers_instead_is_said(
    server: Served, store: Path, status: int | str, error: type[Exception], what: str
) -> None:
    server.statuses = {"/disk.img": status, "/circle": "/circle"}
    with pytest.raises(error, match=what):
        fetched(server)
    assert entries(store) == []


def test_redirects_are_followed(server: Served, store: Path) -> None:
    server.statuses = {"/latest": "/there", "/there": "/disk.img"}
    assert fetched(server, path="/latest").path.read_bytes() == DISK


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port


def test_nobody_at_the_other_end_is_said(store: Path) -> None:
    served = Served({}, url=f"http://127.0.0.1:{free_port()}")
    with pytest.raises(UartsimError, match=r"cannot be fetched: 127\.0\.0\.1:\d+ refuses the connection"):
        fetched(served)
    with pytest.raises(UartsimError, match=r"there is no host .*, or no network"):
        fetched(Served({}, url="http://name.invalid"))
    assert entries(store) == []


@contextmanager
def saying(answer: bytes) -> Iterator[Served]:
    """A server that says the same to everybody, HTTP or not."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Served({}, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        *(
            b"",
            b"SSH-2.0-OpenSSH\r\n",
            b"HTTP/1.1 200\r\nContent-Length: many\r\n\r\nx",
            b"HTTP/1.1 999 \x1b[31m\r\n\r\n",
        ),
        *(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx", b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"),
        *(
            b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        ),
        *(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 302 Found\r\nLocation: gopher:x\r\n\r\n",
        ),
    ],
)
def test_what_is_not_http_is_an_error_in_a_sentence(store: Path, answer: bytes) -> None:
    with saying(answer) as served, pytest.raises(UartsimError) as wrong:
        fetched(served)
    assert "\x1b" not in str(wrong.value)
    assert list_images() == []


def test_what_is_not_a_disk_is_refused_and_not_kept(server: Served, store: Path) -> None:
    page = b"<!DOCTYPE html><html>" + b"x" * 1000
    server.files["/disk.img"] = page
    with pytest.raises(UsageError, match=r"disk\.img is not a disk: it has no partition table"):
        fetched(server, sha256=hashlib.sha256(page).hexdigest())
    assert entries(store) == []


def test_more_than_all_images_may_take_is_refused(server: Served, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", "50K")
    with pytest.raises(UsageError, match="has 105 kB, more than all images may take"):
        fetched(server)
    server.announced = None
    with pytest.raises(UartsimError, match="has more than all images may take"):
        fetched(server)
    assert entries(store) == []


def test_a_disk_that_becomes_full_keeps_what_has_come(
    server: Served, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    real = os.pwrite

    def full(fd: int, data: bytes, at: int) -> int:
        if at >= 40_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data[: 40_000 - at], at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UartsimError) as stopped:
        fetched(server)
    monkeypatch.setattr(os, "pwrite", real)
    assert "has stopped after 40 kB of 105 kB: No space left on device in " in str(stopped.value)
    assert "make room there" in str(stopped.value)
    assert str(stopped.value).endswith("the same command goes on from there")
    assert fetched(server).path.read_bytes() == DISK
    assert server.requests == ["", "bytes=40000-"]


def test_without_room_nothing_is_downloaded(server: Served, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.images.disk_room.free_bytes", lambda own: 2_000_000)
    server.announced = 10**7
    with pytest.raises(UartsimError, match=r"needs about 10.1 MB, .* has 2 MB free: make room there"):
        fetched(server)
    assert entries(store) == []


# -- packed files -------------------------------------------------------------------------------------------

PACKERS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress}


@pytest.mark.parametrize("suffix", list(PACKERS))
def test_a_packed_disk_is_unpacked_and_its_checksum_is_that_of_the_download(
    server: Served, store: Path, suffix: str
) -> None:
    packed = PACKERS[suffix](DISK)
    server.files[f"/disk.img{suffix}"] = packed
    sha256 = hashlib.sha256(packed).hexdigest()
    image = fetched(server, path=f"/disk.img{suffix}?x=.img", sha256=sha256)
    assert image.path.read_bytes() == DISK
    assert (image.sha256, image.key) == (SUM, sha256[:32])
    assert len(entries(store)) == 2
    server.requests.clear()
    assert fetched(server, path=f"/disk.img{suffix}", sha256=sha256).path == image.path
    assert server.requests == []


@pytest.mark.parametrize("suffix", list(PACKERS))
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_what_cannot_be_unpacked_is_said_and_not_kept(server: Served, store: Path, suffix: str, damage: str) -> None:
    packed = PACKERS[suffix](DISK)[:-20] if damage == "cut" else b"no such thing"
    server.files[f"/disk.img{suffix}"] = packed
    with pytest.raises(UartsimError, match=r"cannot be unpacked .*, although its SHA-256 is right"):
        fetched(server, path=f"/disk.img{suffix}", sha256=hashlib.sha256(packed).hexdigest())
    assert entries(store) == []


def test_a_bomb_does_not_fill_the_disk(server: Served, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(b"x" * (1 << 24))
    server.files["/disk.img.gz"] = packed
    monkeypatch.setenv("UARTSIM_IMAGES_LIMIT", "1M")
    with pytest.raises(UartsimError, match="is unpacked larger than all images may take"):
        fetched(server, path="/disk.img.gz", sha256=hashlib.sha256(packed).hexdigest())
    assert entries(store) == PARTS  # what was downloaded is right, and need not come again


# -- names and URLs -----------------------------------------------------------------------------------------


def test_a_name_that_is_taken_is_refused_before_anything_is_downloaded(server: Served, store: Path) -> None:
    kept(name="disk")
    with pytest.raises(UsageError, match=r"another image is called disk \(built from a test\): give another name"):
        fetched(server)
    assert server.requests == []


def test_a_damaged_image_is_downloaded_again(server: Served, store: Path) -> None:
    path = fetched(server).path
    path.write_bytes(DISK[:-1] + b"!")
    with pytest.raises(UartsimError, match=r"remove it with .*, and fetch it again from http://127"):
        find_image("disk")
    assert fetched(server).path.read_bytes() == DISK


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("file:///tmp/disk.img", "use 'uartsim images import PATH'"),
        ("/tmp/disk.img", "use 'uartsim images import PATH'"),
        ("ftp://host/disk.img", "begins with https:// or http://"),
        ("https:///disk.img", "begins with https://"),
        ("disk", "begins with https://"),
        ("http://user:secret@host/disk.img", "the URL for host has a password in it"),
        ("http://host:port/", "is not a URL"),
        ("http://[::1/", "is not a URL"),
        ("http://host/a b", "write them as %XX"),
        ("http://host/é", "write them as %XX"),
        ("http://host/\r\nX: y", "write them as %XX"),
        ("http://host/disk.img.zst", "cannot unpack"),
    ],
)
def test_a_url_that_cannot_be_fetched_is_refused(store: Path, url: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as refused:
        fetch_image(url, SUM, "disk", print)
    assert "secret" not in str(refused.value)
    assert not images_folder().exists()


@pytest.mark.parametrize("sha256", ["", "0" * 63, "0" * 65, "g" * 64, "sha256:" + "0" * 64])
def test_a_checksum_of_another_form_is_refused(store: Path, sha256: str) -> None:
    with pytest.raises(UsageError, match="is not a SHA-256: give its 64 hexadecimal digits"):
        fetch_image("http://host/disk.img", sha256, "disk", print)


@given(st.text(max_size=60))
def test_any_url_is_accepted_or_refused_in_a_sentence(text: str) -> None:
    for url in (text, f"http://{text}", f"https://host/{text}"):
        try:
            shown = check_url(url)
        except UsageError:
            continue
        assert "?" not in shown
        assert "@" not in shown.split("/")[2]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://host/a/Debian-12.QCOW2?x=y", "debian-12"),
        ("https://host/noble%20cloud.img.xz", "noble-cloud"),
        ("/disks/My Disk (2).vmdk", "my-disk-2"),
        ("disk", "disk"),
    ],
)
def test_a_name_follows_from_the_end_of_a_path_or_url(text: str, name: str) -> None:
    assert name_from(text) == name


@given(st.text(max_size=100))
def test_any_text_gives_a_name_or_is_refused_in_a_sentence(text: str) -> None:
    with contextlib.suppress(UsageError):
        assert Path(name_from(text)).name == name_from(text)
