"""A guest's image is in use from before its overlay is made until the machine has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.images.store_rig import kept, store
from uartsim.errors import UartsimError
from uartsim.guest.image_drive import ImageDrive
from uartsim.images.image_store import list_images, remove_image

__all__ = ["store"]


@pytest.mark.needs("qemu-img")
@pytest.mark.parametrize("failed", [False, True])
def test_an_image_is_not_removed_while_a_guest_runs_from_it(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failed: bool
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    image = kept()
    drive = ImageDrive("box", image.path, "raw", firmware="bios")
    drive.prepare()
    with pytest.raises(UartsimError, match="the image box is in use by a running machine"):
        remove_image("box")
    drive.release(keep=failed)
    remove_image("box")
    assert list_images() == []


def test_an_overlay_that_cannot_be_made_leaves_the_image_free(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    image = kept()
    drive = ImageDrive("box", image.path, "raw", firmware="bios")
    with pytest.raises(UartsimError, match="qemu-img"):
        drive.prepare()
    remove_image("box")
