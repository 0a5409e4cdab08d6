"""Snapshots of guests at their login prompt: made once, believed only when whole, and removed when they are old.

What boots the guest is played here; the rest is real.
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from tests.machine.rig import real_time
from uartsim.console import login_snapshots
from uartsim.console.login_snapshots import MOST_KEPT, login_snapshot
from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import UNUSED_S
from uartsim.guest.catalogue import GuestDefinition, find_guest
from uartsim.guest.snapshot_folder import PORT_FILE, SaveError
from uartsim.own_files.folder import OwnFolder

pytestmark = pytest.mark.needs("qemu-system-x86_64")

MANIFEST = """
[guest]
kind = "qemu"
description = "a kernel of one's own"

[settings]
memory_mb = 64

[qemu]
kernel = "bzImage"
append = "console=ttyS0"
"""


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GuestDefinition:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "guest.toml").write_text(MANIFEST)
    (folder / "bzImage").write_bytes(b"kernel")
    return find_guest(str(folder))


class Boots:
    """Boots nothing, and counts it.

    Args:
        before: is called before each snapshot is complete.
    """

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.count = 0
        self.before = before

    async def __call__(self, definition: GuestDefinition, folder: Path) -> None:
        self.count += 1
        await trio.to_thread.run_sync(self._save, folder)

    def _save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "machine").write_bytes(b"half of it")
        self.before()
        content = {"version": 3, "machine": "machine", "disks": {}, "sizes": {"machine": 10}, "read_only": {}}
        (folder / PORT_FILE).write_text(json.dumps(content))


def quietly(text: str) -> None:
    pass


@real_time
async def test_guest_is_booted_once_for_each_state(guest: GuestDefinition) -> None:
    boots = Boots()
    first = await login_snapshot("login", guest, boots, quietly)
    assert (first / PORT_FILE).is_file()
    assert await login_snapshot("login", guest, boots, quietly) == first
    assert boots.count == 1
    assert await login_snapshot("shell", guest, boots, quietly) != first
    assert boots.count == 2


@real_time
async def test_two_that_want_the_same_one_boot_once_and_the_other_says_that_it_waits(guest: GuestDefinition) -> None:
    boots, said, found = Boots(), [], []
    entered, go_on = trio.Event(), trio.Event()

    async def boot(definition: GuestDefinition, folder: Path) -> None:
        entered.set()
        await go_on.wait()
        await boots(definition, folder)

    def say(text: str) -> None:
        said.append(text)
        if "waiting for it" in text:
            go_on.set()

    async def want() -> None:
        found.append(await login_snapshot("login", guest, boot, say))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(want)
        await entered.wait()
        nursery.start_soon(want)
    assert boots.count == 1
    assert found[0] == found[1]
    assert said.count("another process boots this guest: waiting for it") == 1


@pytest.mark.parametrize(
    "error", [UartsimError("no prompt"), OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()]
)
@real_time
async def test_boot_that_fails_leaves_nothing_and_the_next_one_boots_again(
    guest: GuestDefinition, tmp_path: Path, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await login_snapshot("login", guest, Boots(fail), quietly)
    assert not list((tmp_path / "cache").rglob("machine"))
    boots = Boots()
    await login_snapshot("login", guest, boots, quietly)
    assert boots.count == 1


@real_time
async def test_boot_that_was_killed_leaves_nothing_that_is_believed(guest: GuestDefinition) -> None:
    boots = Boots()
    snapshot = await login_snapshot("login", guest, boots, quietly)
    (snapshot / PORT_FILE).unlink()  # what is there last
    assert await login_snapshot("login", guest, boots, quietly) == snapshot
    assert boots.count == 2
    assert (snapshot / PORT_FILE).is_file()


@real_time
async def test_another_kernel_of_the_same_name_is_booted(guest: GuestDefinition) -> None:
    boots = Boots()
    first = await login_snapshot("login", guest, boots, quietly)
    (guest.folder / "bzImage").write_bytes(b"another kernel")
    assert await login_snapshot("login", guest, boots, quietly) != first


@real_time
async def test_another_qemu_boots_again(guest: GuestDefinition, monkeypatch: pytest.MonkeyPatch) -> None:
    boots = Boots()
    first = await login_snapshot("login", guest, boots, quietly)
    monkeypatch.setattr(login_snapshots, "build_id", lambda program: "another")
    assert await login_snapshot("login", guest, boots, quietly) != first


@real_time
async def test_missing_kernel_is_a_mistake_that_is_named(guest: GuestDefinition) -> None:
    (guest.folder / "bzImage").unlink()
    with pytest.raises(UsageError, match="bzImage"):
        await login_snapshot("login", guest, Boots(), quietly)


@real_time
async def test_cache_that_is_not_ours_is_refused_and_left_alone(guest: GuestDefinition, tmp_path: Path) -> None:
    place = tmp_path / "cache" / "uartsim" / "snapshots"
    await login_snapshot("login", guest, Boots(), quietly)
    (place / ".uartsim").unlink()
    (place / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"snapshots folder .* holds .*thesis.txt.*XDG_CACHE_HOME"):
        await login_snapshot("shell", guest, Boots(), quietly)
    assert (place / "thesis.txt").read_text() == "mine"


@real_time
async def test_what_was_not_used_for_long_is_removed_when_another_is_made(guest: GuestDefinition) -> None:
    first = await login_snapshot("login", guest, Boots(), quietly)
    second = await login_snapshot("shell", guest, Boots(), quietly)
    old = time.time() - UNUSED_S - 60
    os.utime(first, (old, old))
    (guest.folder / "bzImage").write_bytes(b"another kernel")
    third = await login_snapshot("login", guest, Boots(), quietly)
    assert not first.exists()
    assert second.exists()
    assert third.exists()


@real_time
async def test_of_too_many_the_oldest_are_removed(guest: GuestDefinition) -> None:
    made = []
    for number in range(MOST_KEPT + 2):
        (guest.folder / "bzImage").write_bytes(b"kernel" * (number + 1))
        made.append(await login_snapshot("login", guest, Boots(), quietly))
        at = time.time() - 10_000 + number
        os.utime(made[-1], (at, at))
    assert [path.exists() for path in made[:4]] == [False, False, True, True]
    assert all(path.exists() for path in made[4:])


@real_time
async def test_one_that_is_in_use_stays(guest: GuestDefinition) -> None:
    first = await login_snapshot("login", guest, Boots(), quietly)
    old = time.time() - UNUSED_S - 60
    os.utime(first, (old, old))
    fd = os.open(first, os.O_RDONLY | os.O_DIRECTORY)
    with OwnFolder(str(first), "snapshot", fd) as used, used.locked(0, shared=True):
        await login_snapshot("shell", guest, Boots(), quietly)
        assert (first / PORT_FILE).is_file()


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("machine", b"half", "is damaged: it has 4 bytes, not 10"),
        ("machine", None, "cannot be read: No such file"),
        (PORT_FILE, b'{"version": 3', "is damaged"),
        (PORT_FILE, b"{}", "is damaged"),
    ],
)
@real_time
async def test_damaged_snapshot_is_made_again(
    guest: GuestDefinition, name: str, content: bytes | None, why: str
) -> None:
    boots = Boots()
    said: list[str] = []
    folder = await login_snapshot("login", guest, boots, quietly)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert await login_snapshot("login", guest, boots, said.append) == folder
    assert boots.count == 2
    assert any("is booted again, for what was kept of it is of no use: " in text and why in text for text in said)
    assert await login_snapshot("login", guest, boots, quietly) == folder
    assert boots.count == 2


@real_time
async def test_cache_that_cannot_be_written_is_used_all_the_same(
    guest: GuestDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    boots = Boots()
    folder = await login_snapshot("login", guest, boots, quietly)

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(OwnFolder, "note_use", refused)
    assert await login_snapshot("login", guest, boots, quietly) == folder
    assert boots.count == 1


@real_time
async def test_full_cache_is_named_with_the_variable_that_sets_it(guest: GuestDefinition, tmp_path: Path) -> None:
    def fail() -> None:
        error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise BaseExceptionGroup("of a nursery", [SaveError(tmp_path, error)])

    wanted = r"at its login cannot be kept in .*snapshots.*: disk full .*; make room there, or set XDG_CACHE_HOME"
    with pytest.raises(UartsimError, match=wanted) as caught:
        await login_snapshot("login", guest, Boots(fail), quietly)
    assert "save in" not in str(caught.value)
    assert not list((tmp_path / "cache").rglob("machine"))
