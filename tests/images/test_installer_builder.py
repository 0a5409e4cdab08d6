"""The builder debian-installer: the CD that it makes, here of small files in place of the packages'."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from uartsim.errors import UartsimError
from uartsim.images import installer_builder
from uartsim.images.installer_builder import make_installer
from uartsim.images.recipe import Recipe

RECIPE = Recipe("debian-installer", cmdline="console=ttyS0,115200")

pytestmark = pytest.mark.needs("xorriso")


@pytest.fixture(autouse=True)
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the files that the packages have in this test."""
    folder = tmp_path / "packages"
    folder.mkdir()

    def files(package: str, members: Sequence[str], work: Path, progress: object) -> list[Path]:
        found = [folder / Path(member).name for member in members]
        for file in found:
            file.write_bytes(f"{file.name} of {package}".encode().ljust(2048, b"\0"))
        return found

    monkeypatch.setattr(installer_builder, "debian_files", files)
    return folder


def test_the_cd_boots_isolinux_on_the_serial_line(tmp_path: Path) -> None:
    iso, out = tmp_path / "draft", tmp_path / "out"
    make_installer(RECIPE, tmp_path, iso, lambda text: None)
    command = ["xorriso", "-osirrox", "on", "-indev", str(iso)]
    command += ["-report_el_torito", "plain", "-extract", "/", str(out)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "/isolinux/isolinux.bin" in said
    assert (out / "linux").read_bytes().startswith(b"linux of debian-installer-12-netboot-amd64")
    assert (out / "initrd.gz").read_bytes().startswith(b"initrd.gz of debian-installer-12-netboot-amd64")
    menu = (out / "isolinux/isolinux.cfg").read_text()
    assert "SERIAL 0 115200\n" in menu
    assert "  APPEND console=ttyS0,115200 --- console=ttyS0,115200\n" in menu


def test_two_builds_are_bit_identical_and_leave_nothing_beside_the_draft(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        make_installer(RECIPE, folder, folder / "draft", lambda text: None)
        assert [path.name for path in folder.iterdir()] == ["draft"]
    assert (folders[0] / "draft").read_bytes() == (folders[1] / "draft").read_bytes()


def test_an_xorriso_that_fails_is_an_error_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs, store = tmp_path / "programs", tmp_path / "store"
    for folder in (programs, store):
        folder.mkdir()
    (programs / "xorriso").write_text("#!/bin/sh\necho 'xorriso : FATAL : no' >&2\nexit 32\n")
    (programs / "xorriso").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    with pytest.raises(UartsimError, match="xorriso failed with status 32: xorriso : FATAL : no"):
        make_installer(RECIPE, store, store / "draft", lambda text: None)
    assert list(store.iterdir()) == []
