"""Looking at a disk image: its format, what is on it, how it boots; damage of any kind is a sentence."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.images.small_disk import SIZE, boot_sector, run, small_disk
from uartsim.errors import UartsimError, UsageError
from uartsim.images.disk_look import DiskReport, Volume, chosen_firmware, look_at, remarks
from uartsim.images.el_torito import boot_entries
from uartsim.images.ext_reader import ExtReader
from uartsim.images.fat_reader import FatReader
from uartsim.images.file_systems import file_system
from uartsim.images.image_format import image_format
from uartsim.images.partition_table import Partition, Read, read_partition_table

pytestmark = pytest.mark.needs("qemu-img")

_GPT_ROOT = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
_GPT_EFI = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_MIB = 1 << 20


def disk_with(path: Path, size: int, *parts: tuple[int, bytes]) -> Path:
    """A raw disk of ``size`` bytes with some bytes at some places."""
    with open(path, "wb") as file:
        file.truncate(size)
        for at, content in parts:
            file.seek(at)
            file.write(content)
    return path


def with_efi(path: Path, loader: str, *, root: Path | None = None) -> Path:
    """A GPT disk with an EFI system partition that has a loader, and perhaps a file system as a second partition."""
    disk_with(path, 24 * _MIB)
    script = f"label: gpt\nstart=2048, size=8192, type={_GPT_EFI}\nstart=16384, size=24576, type={_GPT_ROOT}\n"
    run("sfdisk", "-q", path, text=script)
    efi = f"{path}@@{_MIB}"
    run("mformat", "-i", efi, "-T", "8192", "-h", "16", "-s", "32", "::")
    run("mmd", "-i", efi, "::/EFI", "::/EFI/BOOT")
    file = path.with_name("loader.efi")
    file.write_bytes(b"MZ")
    run("mcopy", "-i", efi, file, f"::/EFI/BOOT/{loader}")
    if root is not None:
        with open(path, "r+b") as disk:
            disk.seek(8 * _MIB)
            disk.write(root.read_bytes())
    return path


def ext(folder: Path, files: dict[str, str], *, kind: str = "ext4", size: str = "8M") -> Path:
    """An image of an ext file system with files."""
    tree = folder / "tree"
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    run("mke2fs", "-q", "-F", "-t", kind, "-d", tree, folder / "ext.img", size)
    return folder / "ext.img"


@pytest.mark.parametrize(
    ("made", "name", "driver"),
    [
        ("raw", "raw", "raw"),
        ("qcow2", "qcow2", "qcow2"),
        ("vmdk", "vmdk", "vmdk"),
        ("vpc", "vhd", "vpc"),
        ("vhdx", "vhdx", "vhdx"),
    ],
)
def test_format_is_known_by_the_content(tmp_path: Path, made: str, name: str, driver: str) -> None:
    report = look_at(small_disk(tmp_path / "disk", made))
    assert (report.format, report.driver, report.table, report.boots) == (name, driver, "none", ("bios",))
    assert report.size >= SIZE
    assert report.reads == ()


@pytest.mark.needs("xorriso")
def test_cd_with_a_boot_catalogue_boots_by_bios(tmp_path: Path) -> None:
    report = look_at(small_disk(tmp_path / "disk", "iso"))
    assert (report.format, report.driver, report.boots) == ("iso", "raw", ("bios",))


@pytest.mark.needs("xorriso")
def test_cd_that_nothing_boots_from_says_so(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_bytes(bytes(2 * _MIB))
    run("xorriso", "-as", "mkisofs", "-quiet", "-o", tmp_path / "data.iso", tmp_path / "tree")
    with pytest.raises(UsageError, match="is a CD from which nothing boots"):
        chosen_firmware(look_at(tmp_path / "data.iso"))
    with open(tmp_path / "data.iso", "r+b") as file:
        file.truncate(_MIB)
    with pytest.raises(UsageError, match=r"is truncated: the CD has 2.* bytes, and the file 1048576: copy or download"):
        look_at(tmp_path / "data.iso")


@pytest.mark.needs("sfdisk")
def test_mbr_with_logical_partitions_is_read_as_sfdisk_wrote_it(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 16 * _MIB)
    run(
        "sfdisk",
        "-q",
        disk,
        text="label: dos\nsize=2048, type=83, bootable\ntype=5\nsize=2048, type=82\nsize=2048, type=83\n",
    )
    report = look_at(disk)
    assert report.table == "mbr"
    assert [volume.partition.number for volume in report.volumes] == [1, 5, 6]
    assert [volume.partition.kind for volume in report.volumes] == ["83", "82", "83"]
    assert [volume.partition.active for volume in report.volumes] == [True, False, False]
    assert report.boots == ()  # no code in the first sector
    with pytest.raises(UsageError, match="has neither boot code for a BIOS nor a loader for UEFI"):
        chosen_firmware(report)


@pytest.mark.needs("sfdisk", "mcopy")
def test_loader_for_uefi_in_the_efi_partition_is_found(tmp_path: Path) -> None:
    report = look_at(with_efi(tmp_path / "disk", "BOOTX64.EFI"))
    assert (report.table, report.boots, report.loaders) == ("gpt", ("uefi",), ("x86_64",))
    assert report.volumes[0].holds == "FAT"
    assert chosen_firmware(report) == "uefi"
    with pytest.raises(
        UsageError, match="cannot be started with firmware bios, because it has no boot code for a BIOS"
    ):
        chosen_firmware(report, "bios")


@pytest.mark.needs("sfdisk", "mcopy")
def test_disk_of_another_architecture_says_which(tmp_path: Path) -> None:
    report = look_at(with_efi(tmp_path / "disk", "BOOTAA64.EFI"))
    assert report.boots == ()
    with pytest.raises(UsageError, match="is for arm64; uartsim's QEMU is x86_64: get the image for x86_64"):
        chosen_firmware(report)


@pytest.mark.needs("sfdisk", "mcopy", "mke2fs")
def test_system_and_kernels_of_an_ext_partition_are_named(tmp_path: Path) -> None:
    files = {"boot/vmlinuz-6.1": "", "boot/config-6.1": "", "etc/os-release": 'ID=x\nPRETTY_NAME="Example 7 (mule)"\n'}
    report = look_at(with_efi(tmp_path / "disk", "BOOTX64.EFI", root=ext(tmp_path, files)))
    assert [volume.holds for volume in report.volumes] == ["FAT", "ext"]
    assert (report.system, report.kernels) == ("Example 7 (mule)", ("vmlinuz-6.1",))
    assert remarks(report) == []


@pytest.mark.needs("mke2fs")
@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_root_file_system_without_a_boot_loader_says_how_it_can_be_started(tmp_path: Path, kind: str) -> None:
    files = {"usr/lib/os-release": "PRETTY_NAME='Plain'\n", **{f"usr/share/{n:04}": "" for n in range(300)}}
    report = look_at(ext(tmp_path, files, kind=kind))
    assert (report.system, report.kernels, report.boots) == ("Plain", (), ())
    with pytest.raises(UsageError, match=r"holds Plain without a boot loader.*has no kernel that uartsim can see"):
        chosen_firmware(report)
    report = look_at(ext(tmp_path, {**files, "boot/vmlinuz-6.1": ""}, kind=kind))
    assert report.kernels == ("vmlinuz-6.1",)


@pytest.mark.parametrize(
    ("at", "mark", "name"),
    [
        (0, b"LUKS\xba\xbe\0\2", "LUKS"),
        (3, b"-FVE-FS-", "BitLocker"),
        (512, b"LABELONE", "LVM"),
        (0, b"XFSB", "XFS"),
        (0x10040, b"_BHRfS_M", "btrfs"),
        (4086, b"SWAPSPACE2", "swap"),
    ],
)
def test_volume_is_known_by_its_mark(tmp_path: Path, at: int, mark: bytes, name: str) -> None:
    report = look_at(disk_with(tmp_path / "disk", _MIB, (at, mark)))
    assert report.volumes[0].holds == name
    assert bool(report.encrypted) == (name in ("LUKS", "BitLocker"))
    with pytest.raises(UsageError, match="encrypted" if report.encrypted else "boot"):
        chosen_firmware(report)


def test_encrypted_partition_behind_a_boot_loader_is_only_remarked(tmp_path: Path) -> None:
    sector = bytearray(boot_sector())
    sector[446:462] = struct.pack("<B3xB3xII", 0x80, 0x83, 8, 1024)
    report = look_at(disk_with(tmp_path / "disk", _MIB, (0, bytes(sector)), (8 * 512, b"LUKS\xba\xbe\0\2")))
    assert chosen_firmware(report) == "bios"
    assert remarks(report) == ["partition 1 is encrypted (LUKS): the system asks for its key"]


@pytest.mark.parametrize("content", [bytes(_MIB), b"\xff" * 4096, b"x"])
def test_file_that_is_no_disk_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "disk").write_bytes(content)
    with pytest.raises(UsageError, match="is not a disk that a machine can start from"):
        chosen_firmware(look_at(tmp_path / "disk"))


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"\x1f\x8b\x08", "is compressed with gzip: unpack it first: gzip -dk disk"),
        (b"\xfd7zXZ\0", "is compressed with xz"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"\x7fELF", "is a program"),
    ],
)
def test_known_file_that_is_no_disk_says_what_to_do(tmp_path: Path, head: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        look_at(disk_with(tmp_path / "disk", 8192, (0, head)))


@pytest.mark.parametrize("made", ["qcow2", "vpc", "vhdx", "vmdk"])
def test_truncated_image_is_a_sentence(tmp_path: Path, made: str) -> None:
    disk = small_disk(tmp_path / "disk", made)
    whole = disk.read_bytes()
    for size in (100, 600, len(whole) // 2, len(whole) - 70_000):
        disk.write_bytes(whole[: max(size, 1)])
        with pytest.raises(UartsimError) as caught:
            chosen_firmware(look_at(disk))
        assert "\n" not in str(caught.value), size


@pytest.mark.needs("sfdisk")
def test_raw_disk_that_is_shorter_than_its_partitions_is_truncated(tmp_path: Path) -> None:
    disk = disk_with(tmp_path / "disk", 16 * _MIB)
    run("sfdisk", "-q", disk, text="label: dos\ntype=83\n")
    with open(disk, "r+b") as file:
        file.truncate(8 * _MIB)
    with pytest.raises(UsageError, match="is truncated: its partitions need 16777216 bytes, and the disk has 8388608"):
        look_at(disk)


def test_image_that_names_a_file_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    secret = small_disk(tmp_path / "secret")
    image = tmp_path / "inside" / "disk"
    run("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", secret, image)
    with pytest.raises(UsageError, match=r"reads from another file, .*secret, outside its own folder"):
        look_at(image)
    secret.rename(tmp_path / "inside" / "base")
    run("qemu-img", "rebase", "-u", "-F", "raw", "-b", "base", image)
    report = look_at(image)
    assert report.reads == (str(tmp_path / "inside" / "base"),)
    assert chosen_firmware(report) == "bios"
    run("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", "disk", image)
    with pytest.raises(UsageError, match="made on one another without an end"):
        look_at(image)


class CountedReads:
    """A disk in memory that counts what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads = self.bytes = 0

    def read(self, offset: int, count: int) -> bytes:
        assert offset >= 0 <= count
        self.reads += 1
        found = self.content[offset : offset + count]
        self.bytes += len(found)
        return found


def readers(read: Read, size: int) -> None:
    """Whatever reads a structure on the disk, from its first byte."""
    read_partition_table(read, size)
    boot_entries(read)
    file_system(read, 0, size)
    for reader in (_ext, _fat):
        try:
            reader(read)
        except ValueError:
            continue


def _ext(read: Read) -> None:
    found = ExtReader(read, 0)
    for path in ("/boot", "/", "/link/x"):
        found.names(path)
    found.content("/etc/os-release")


def _fat(read: Read) -> None:
    FatReader(read, 0).names("EFI", "BOOT")


@pytest.fixture(scope="module")
def structures(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Disks that each have one of the structures."""
    folder = tmp_path_factory.mktemp("structures")
    (folder / "tree").mkdir()
    (folder / "tree" / "link").symlink_to("etc")
    files = {"boot/vmlinuz-1": "", "etc/os-release": "PRETTY_NAME=x"}
    found = [ext(folder, files, kind=kind, size="1M").read_bytes() for kind in ("ext2", "ext4")]
    efi = with_efi(folder / "efi", "BOOTX64.EFI").read_bytes()
    return [*found, efi[_MIB : 2 * _MIB], efi[: 1 << 16], small_disk(folder / "cd", "iso").read_bytes()[: 1 << 19]]


Damage = st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=8)), min_size=1, max_size=12)


@pytest.mark.needs("mke2fs", "sfdisk", "mcopy", "xorriso")
@settings(max_examples=150)
@given(which=st.integers(0, 4), damage=Damage, end=st.integers(0, 1 << 20))
def test_readers_take_any_damage(
    structures: list[bytes], which: int, damage: list[tuple[int, bytes]], end: int
) -> None:
    content = bytearray(structures[which])
    for at, change in damage:
        content[at : at + len(change)] = change
    disk = CountedReads(bytes(content[: max(end, 1024)]))
    readers(disk.read, len(disk.content))
    assert disk.reads < 40_000
    assert disk.bytes < 64 * _MIB


@settings(max_examples=100)
@given(content=st.binary(max_size=4096), repeat=st.integers(1, 40))
def test_readers_take_any_bytes(content: bytes, repeat: int) -> None:
    disk = CountedReads(content * repeat)
    readers(disk.read, len(disk.content))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.sampled_from(["qcow2", "vmdk", "vpc", "vhdx", "raw"]),
    damage=st.lists(st.tuples(st.integers(0, 1024), st.integers(0, 7)), min_size=1, max_size=8),
    end=st.none() | st.integers(1, 70_000),
)
def test_damaged_image_of_any_format_is_a_sentence(
    tmp_path: Path, made: str, damage: list[tuple[int, int]], end: int | None
) -> None:
    original = tmp_path / f"original-{made}"
    if not original.exists():
        small_disk(original, made)
    content = bytearray(original.read_bytes()[:end])
    for at, bit in damage:
        if at < len(content):
            content[at] ^= 1 << bit
    (tmp_path / "disk").write_bytes(content)
    _only_sentences(lambda: image_format(str(tmp_path / "disk")))


@pytest.mark.parametrize("made", ["qcow2", "vmdk", "vpc", "vhdx"])
def test_image_with_a_damaged_header_is_a_sentence_of_qemu_or_ours(tmp_path: Path, made: str) -> None:
    content = small_disk(tmp_path / "disk", made).read_bytes()
    for at in (8, 20, 24, 40, 60, 72):
        (tmp_path / "disk").write_bytes(content[:at] + b"\xff" * 4 + content[at + 4 :])
        _only_sentences(lambda: chosen_firmware(look_at(tmp_path / "disk")))


def _only_sentences(look: Callable[[], object]) -> None:
    said = ""
    try:
        look()
    except UartsimError as error:
        said = str(error)
    assert "\n" not in said
    assert "\x1b" not in said


def test_report_of_any_disk_gives_a_firmware_or_a_reason() -> None:
    volume = Volume(Partition(1, 0, 512, "83"), None)
    plain = DiskReport("disk", "raw", "raw", (), 512, "mbr", (volume,), ("bios", "uefi"))
    assert chosen_firmware(plain) == "bios"
    assert chosen_firmware(plain, "uefi") == "uefi"
    for boots in ((), ("bios",), ("uefi",)):
        for holds in (None, "ext", "LUKS", "NTFS"):
            report = dataclasses.replace(plain, boots=boots, volumes=(dataclasses.replace(volume, holds=holds),))
            for wanted in ("auto", "bios", "uefi"):
                if wanted in boots or (boots and wanted == "auto"):
                    assert chosen_firmware(report, wanted) in boots
                else:
                    with pytest.raises(UsageError, match=r"^disk "):
                        chosen_firmware(report, wanted)
