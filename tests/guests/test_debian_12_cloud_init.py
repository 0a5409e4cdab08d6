"""The guest debian-12-cloud-init: who may log in is what its seed says, and its disk is what was made of it before."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.patience import SCALE
from uartsim import blocking
from uartsim.console.console_errors import LoginFailed
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image

pytestmark = [pytest.mark.images, pytest.mark.needs("debugfs", "e2fsck", guest="debian-12-cloud-init")]

GUEST = "debian-12-cloud-init"
#: How long a first boot may take without KVM on a busy machine, in seconds.
BOOT_S = 400.0


def digest_of_the_image() -> str:
    guest = find_guest(GUEST)
    assert guest.image is not None
    path = Path(build_image(guest.image, guest.folder, lambda text: None).path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_seed_edits_and_settings_of_grub_are_seen_in_the_guest() -> None:
    before = digest_of_the_image()
    said: list[str] = []
    with blocking.open_console(
        GUEST,
        seed="alice:secret",
        edit={"/etc/issue": ":Edited on \\l", "/etc/motd": ":"},
        grub={"GRUB_TIMEOUT": 0, "GRUB_CMDLINE_LINUX_DEFAULT": "uartsim.edit=1"},
        timeout=BOOT_S,
        timeout_scale=SCALE,
        log=said.append,
    ) as console:
        console.login()  # as alice, whom the seed makes
        assert console.run("id -un").output == "alice\n"
        assert console.run("sudo id -u").output == "0\n"
        assert console.run("cat /etc/issue").output == "Edited on \\l\n"
        assert " uartsim.edit=1" in console.run("cat /proc/cmdline").output
        assert "status: done" in console.run("cloud-init status --wait").output
        assert console.run("sudo grep -c '^root:[*]:' /etc/shadow").output == "1\n"
    assert "/etc/issue: replaced, mode 0644, 13 bytes" in said
    assert digest_of_the_image() == before


def test_nobody_can_log_in_without_a_seed() -> None:
    with (
        blocking.open_console(
            GUEST, seed="none", grub={"GRUB_TIMEOUT": 0}, timeout=BOOT_S, timeout_scale=SCALE
        ) as console,
        pytest.raises(LoginFailed, match="Login incorrect"),
    ):
        console.login("debian", "debian")
