"""A guest and its disks are saved together, and neither a snapshot nor a user's image is changed by what is restored."""

# ruff: noqa: ASYNC221, ASYNC240 (nothing else wants to run meanwhile)
from __future__ import annotations

import json
import struct
import subprocess
from pathlib import Path

import pytest

from tests.guests.boot_code import POLL_LSR, SETUP, bios, boot
from tests.guests.line import Line, guest, in_trio
from tests.guests.test_snapshot import restored, save
from uartsim.errors import UartsimError, UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.drives import read_options, replaceable_names, with_images, with_names, write_options
from uartsim.guest.qemu import QemuGuest
from uartsim.guest.tiny_initramfs import Entry, cpio, tiny_entries
from uartsim.machine import Machine

DISK_BYTES = 1 << 20
DRIVE = "uartsim-drive-1"


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that these tests share, and not with the user."""
    folder = tmp_path_factory.getbasetemp() / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: folder)
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    file = tmp_path / "disk.img"
    file.write_bytes(b"A" * DISK_BYTES)
    return file


def machine_with(folder: Path, *drives: str, args: tuple[str, ...] = ()) -> GuestDefinition:
    return boot(POLL_LSR, folder, *args, drives=list(drives))


async def disk_io(machine: Machine, what: str, drive: str = DRIVE) -> str:
    """Read or write a disk as its guest would; qemu-io's commands."""
    assert isinstance(machine.guest, QemuGuest)
    line = f'qemu-io {drive} "{what}"'
    return str(await machine.guest._command_by_qmp("human-monitor-command", command_line=line))


async def holds(machine: Machine, letter: str, drive: str = DRIVE) -> bool:
    """Whether the first 64 KiB of a disk are this letter."""
    return "Pattern verification failed" not in await disk_io(machine, f"read -P {ord(letter)} 0 64k", drive)


async def put(machine: Machine, letter: str, drive: str = DRIVE) -> None:
    await disk_io(machine, f"write -P {ord(letter)} 0 64k", drive)
    assert await holds(machine, letter, drive)


@pytest.mark.needs("qemu-system-x86_64")
class TestDisks:
    @pytest.mark.parametrize("options", ["if=virtio,format=raw", "format=raw", "if=none,id=uartsim-drive-1,format=raw"])
    @in_trio
    async def test_disk_and_memory_are_of_one_moment(self, tmp_path: Path, image: Path, options: str) -> None:
        saved = tmp_path / "saved"
        args = ("-device", f"virtio-blk-pci,drive={DRIVE}") if "none" in options else ()
        definition = machine_with(tmp_path, f"file={image},{options}", args=args)
        async with Line().open(definition) as machine:
            await put(machine, "B")
            await save(machine, saved)
            await put(machine, "C")
        assert image.read_bytes()[:65536] == b"C" * 65536
        files = {path.name: path.read_bytes() for path in saved.iterdir()}
        for letter in "DE":  # each finds the disk of that moment, and writes to its own copy
            line = Line()
            async with restored(line, definition, saved) as machine:
                assert await holds(machine, "B")
                await put(machine, letter)
                if letter == "E":
                    await save(machine, tmp_path / "again")
            assert any("whatever the guest writes to them is lost when it ends" in said for said in line.logged)
        assert {path.name: path.read_bytes() for path in saved.iterdir()} == files
        assert image.read_bytes()[:65536] == b"C" * 65536
        async with restored(Line(), definition, tmp_path / "again") as machine:
            assert await holds(machine, "E")

    @in_trio
    async def test_of_an_image_with_snapshot_on_too(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(tmp_path, f"file={image},if=virtio,format=raw,snapshot=on")
        async with Line().open(definition) as machine:
            await put(machine, "B")
            await save(machine, tmp_path / "saved")
        async with restored(Line(), definition, tmp_path / "saved") as machine:
            assert await holds(machine, "B")
        assert image.read_bytes() == b"A" * DISK_BYTES

    @in_trio
    async def test_a_flash_chip_is_a_disk_too(self, tmp_path: Path) -> None:
        """As the variables of UEFI are in one."""
        (tmp_path / "flash").write_bytes(bios(SETUP + POLL_LSR))
        drives = [f"if=pflash,format=raw,snapshot=on,file={tmp_path}/flash"]
        definition = guest("qemu", tmp_path, memory_mb=16, registers="require", drives=drives)
        async with Line().open(definition) as machine:
            await put(machine, "B")
            await save(machine, tmp_path / "saved")
        async with restored(Line(), definition, tmp_path / "saved") as machine:
            assert await holds(machine, "B")

    @in_trio
    async def test_a_restored_machine_needs_the_image_no_more(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(tmp_path, f"file={image},if=virtio,format=raw")
        async with Line().open(definition) as machine:
            await save(machine, tmp_path / "saved")
        image.unlink()
        async with restored(Line(), definition, tmp_path / "saved") as machine:
            assert await holds(machine, "A")

    @in_trio
    async def test_saving_over_the_snapshot_that_one_was_restored_from(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(tmp_path, f"file={image},if=virtio,format=raw")
        saved = tmp_path / "saved"
        async with Line().open(definition) as machine:
            await save(machine, saved)
        for letter in "BCD":
            async with restored(Line(), definition, saved) as machine:
                await put(machine, letter)
                await save(machine, saved)
                assert await holds(machine, letter)
        async with restored(Line(), definition, saved) as machine:
            assert await holds(machine, "D")
        assert len(list(saved.glob("disk-*"))) == len(list(saved.glob("machine*"))) == 1

    @pytest.mark.parametrize(
        ("drives", "args"),
        [
            ([], ("-hda", "IMAGE")),
            ([], ("-blockdev", "file,filename=IMAGE,node-name=x", "-device", "virtio-blk-pci,drive=x")),
            (["if=none,format=raw,file=IMAGE"], ("-device", "virtio-blk-pci,drive=none0")),
            (["if=virtio,driver=raw,file.filename=IMAGE,file.driver=file"], ()),
        ],
    )
    @in_trio
    async def test_a_disk_that_cannot_be_saved_is_refused_and_the_guest_goes_on(
        self, tmp_path: Path, image: Path, drives: list[str], args: tuple[str, ...]
    ) -> None:
        drives, filled = ([word.replace("IMAGE", str(image)) for word in words] for words in (drives, args))
        async with Line().open(machine_with(tmp_path, *drives, args=tuple(filled))) as machine:
            with pytest.raises(UartsimError, match=r"the guest can write to disk .*disk\.img.*'drives'.*readonly=on"):
                await save(machine, tmp_path / "saved")
            assert isinstance(machine.guest, QemuGuest)
            assert (await machine.guest._command_by_qmp("query-status"))["status"] == "running"
        assert not (tmp_path / "saved").exists()

    @in_trio
    async def test_a_disk_that_is_only_read_must_be_the_same(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(
            tmp_path, f"file={image},if=virtio,format=raw,readonly=on", args=("-cdrom", str(image))
        )
        async with Line().open(definition) as machine:
            await save(machine, tmp_path / "saved")
        assert list((tmp_path / "saved").glob("disk-*")) == []
        async with restored(Line(), definition, tmp_path / "saved") as machine:
            assert await holds(machine, "A")
        image.write_bytes(b"B" * DISK_BYTES)
        with pytest.raises(UsageError, match=r"disk\.img has been changed since the snapshot was made"):
            async with restored(Line(), definition, tmp_path / "saved"):
                pass

    @in_trio
    async def test_a_snapshot_of_an_earlier_version_had_no_disks(self, tmp_path: Path, image: Path) -> None:
        for options in ("id=mine,if=virtio", "id=mine,if=virtio,readonly=on"):
            definition = machine_with(tmp_path, f"file={image},format=raw,{options}")
            async with Line().open(definition) as machine:
                await save(machine, tmp_path / "saved")
            file = tmp_path / "saved" / "port.json"
            content = json.loads(file.read_text())
            (tmp_path / "saved" / content["machine"]).rename(tmp_path / "saved" / "machine")
            kept = {key: content[key] for key in ("qemu", "command", "uart", "line")}
            file.write_text(json.dumps({**kept, "version": 1}))
            if "readonly" in options:
                async with restored(Line(), definition, tmp_path / "saved") as machine:
                    assert await holds(machine, "A", "mine")
            else:
                with pytest.raises(
                    UartsimError,
                    match=r"made by an earlier version, which did not save the guest.s disk .*boot it without the snapshot",
                ):
                    async with restored(Line(), definition, tmp_path / "saved"):
                        pass

    @pytest.mark.needs("xorriso")
    @in_trio
    async def test_a_cd_of_our_own_making_is_the_same_however_often_it_is_used(self, tmp_path: Path) -> None:
        (tmp_path / "boot").write_bytes(bytes(2048))
        definition = boot(POLL_LSR, tmp_path, cd=["boot.bin=boot"])
        async with Line().open(definition) as machine:
            await save(machine, tmp_path / "saved")
        for _ in range(2):
            async with restored(Line(), definition, tmp_path / "saved") as machine:
                assert machine.status()["state"] == "running"

    @in_trio
    async def test_a_copy_that_was_cut_short_is_said(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(tmp_path, f"file={image},if=virtio,format=raw")
        async with Line().open(definition) as machine:
            await save(machine, tmp_path / "saved")
        with (tmp_path / "saved" / "disk-0.qcow2").open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(UsageError, match=r"disk-0\.qcow2 is damaged: it has 1000 bytes"):
            async with restored(Line(), definition, tmp_path / "saved"):
                pass


def with_modules(kernel_modules: list[Path]) -> bytes:
    """The tiny initramfs with modules for the kernel, loaded in this order."""
    entries = tiny_entries()
    entries |= {
        f"modules/{number}.ko": Entry(0o100644, path.read_bytes()) for number, path in enumerate(kernel_modules)
    }
    load = "".join(f"insmod /modules/{number}.ko\n" for number in range(len(kernel_modules)))
    rc = entries["etc/rc"]
    entries["etc/rc"] = Entry(rc.mode, rc.data + load.encode())
    return cpio(entries)


VIRTIO = ("virtio/virtio_ring", "virtio/virtio", "virtio/virtio_pci_modern_dev", "virtio/virtio_pci_legacy_dev")


@pytest.mark.needs("mke2fs", "e2fsck", guest="linux")
@in_trio
async def test_a_file_system_of_a_restored_linux_is_whole(tmp_path: Path) -> None:
    """Written to, saved, written to further; what is restored goes on from the save, on the disk of that moment."""
    (drivers,) = Path("/lib/modules").glob("*-cloud-amd64/kernel/drivers")
    modules = [drivers / f"{name}.ko" for name in (*VIRTIO, "virtio/virtio_pci", "block/virtio_blk")]
    (tmp_path / "initrd").write_bytes(with_modules(modules))
    image = tmp_path / "disk.img"
    image.touch()
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", image, "32M"], check=True, stdin=subprocess.DEVNULL)
    definition = guest(
        "qemu",
        tmp_path,
        kernel="debian-cloud",
        initrd=str(tmp_path / "initrd"),
        append="console=ttyS0,115200 quiet",
        memory_mb=192,
        registers="require",
        drives=[f"file={image},if=virtio,format=raw"],
    )
    line = Line()
    async with line.open(definition, unlimited=True) as machine:
        await line.log_in()
        await line.run("mount /dev/vda /mnt && mkdir /mnt/a && seq 20000 >/mnt/a/one; sync; seq 9 >/mnt/unwritten")
        await save(machine, tmp_path / "saved")
        await line.run("rm -r /mnt/a; for i in $(seq 200); do seq 500 >/mnt/$i; done; sync")
    line = Line()
    async with restored(line, definition, tmp_path / "saved", unlimited=True) as machine:
        line.send(b"\r")
        await line.expect(b":~# ")
        assert await line.run("ls /mnt") == "a           lost+found  unwritten"
        assert await line.run("seq 20000 | cmp - /mnt/a/one && echo same") == "same"
        await line.run("for i in $(seq 200); do seq 300 >/mnt/a/$i; done")
        assert await line.run("umount /mnt && echo done") == "done"
        assert "errors" not in await line.run("dmesg | grep -i ext4")
        await save(machine, tmp_path / "saved")
    (copy,) = (tmp_path / "saved").glob("disk-*")
    (tmp_path / "copy").write_bytes(raw(copy.read_bytes()))
    checked = subprocess.run(["e2fsck", "-fn", tmp_path / "copy"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


def raw(image: bytes) -> bytes:
    """The content of a plain qcow2 image; see QEMU's docs/interop/qcow2.txt."""

    def table(at: int, count: int) -> list[int]:
        entries = struct.unpack_from(f">{count}Q", image, at)
        return [entry & 0x00FF_FFFF_FFFF_FE00 for entry in entries]

    bits, size = struct.unpack_from(">IQ", image, 20)
    level_1_size, level_1_at = struct.unpack_from(">IQ", image, 36)
    content = bytearray()
    for level_2_at in table(level_1_at, level_1_size):
        for at in table(level_2_at, 1 << bits - 3) if level_2_at else [0] * (1 << bits - 3):
            content += image[at : at + (1 << bits)].ljust(1 << bits, b"\0") if at else bytes(1 << bits)
    return bytes(content[:size])


# -- command lines -------------------------------------------------------------------------------------------


def test_drives_get_names_and_nothing_else_changes() -> None:
    words = ["-drive", "file=a,if=virtio", "-drive", "if=none,file=b", "-m", "file=c", "-drive", "id=mine,file=d,,e"]
    assert with_names(words) == [
        *("-drive", "file=a,if=virtio,id=uartsim-drive-1", "-drive", "if=none,file=b", "-m", "file=c"),
        *("-drive", "id=mine,file=d,,e"),
    ]
    assert with_names(with_names(words)) == with_names(words)
    assert replaceable_names(with_names(words)) == {"uartsim-drive-1", "mine"}


def test_a_drive_is_replaced_by_a_copy_and_keeps_its_place() -> None:
    words = with_names(["-drive", "file=a,if=virtio,index=3,format=raw,cache=none", "-drive", "file=b,readonly"])
    assert with_images(words, {DRIVE: Path("/new,er")})[1:] == [
        "file=/new,,er,if=virtio,index=3,format=qcow2,cache=none,id=uartsim-drive-1,snapshot=on",
        *words[2:],
    ]


@pytest.mark.parametrize("text", ["", ",", ",,", "file=", "a,b=c", "file=x,,,if=none", "file=a=b,,c"])
def test_any_value_of_drive_is_read_and_written(text: str) -> None:
    options = read_options(text)
    assert read_options(write_options(options)) == options


@pytest.mark.needs("qemu-system-x86_64", "qemu-img")
class TestOverlays:
    @in_trio
    async def test_only_the_overlay_is_saved_and_its_base_is_checked(self, tmp_path: Path, image: Path) -> None:
        image.write_bytes(b"A" * (8 << 20))
        overlay, saved = tmp_path / "overlay.qcow2", tmp_path / "saved"
        subprocess.run(["qemu-img", "create", "-qf", "qcow2", "-b", image, "-F", "raw", overlay], check=True)
        definition = machine_with(tmp_path, f"file={overlay},if=virtio,format=qcow2")
        async with Line().open(definition) as machine:
            await put(machine, "B")
            await save(machine, saved)
            await put(machine, "C")
        (copy,) = saved.glob("disk-*")
        assert copy.stat().st_size < 1 << 20
        async with restored(Line(), definition, saved) as machine:
            assert await holds(machine, "B")
            assert "failed" not in await disk_io(machine, "read -P 65 1M 1M")
            await save(machine, tmp_path / "again")  # this one depends on no other snapshot
        image.write_bytes(b"X" * (8 << 20))
        with pytest.raises(UsageError, match=r"disk\.img has been changed since the snapshot was made"):
            async with restored(Line(), definition, saved):
                pass

    @in_trio
    async def test_a_disk_goes_back_in_place(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(tmp_path, f"file={image},if=virtio,format=raw,snapshot=on")
        async with Line().open(definition) as machine:
            assert isinstance(machine.guest, QemuGuest)
            await put(machine, "B")
            checkpoint = await machine.guest.checkpoint(lambda: None)
            for letter in "CD":
                await put(machine, letter)
                machine.com1.write(7, ord(letter))
                await machine.guest.go_back(checkpoint, lambda: None)
                assert await holds(machine, "B")
                assert machine.com1.read(7) == checkpoint.port.uart.scratch

    @in_trio
    async def test_a_disk_that_cannot_go_back_is_said(self, tmp_path: Path, image: Path) -> None:
        definition = machine_with(tmp_path, f"file={image},if=virtio,format=raw")
        async with Line().open(definition) as machine:
            assert isinstance(machine.guest, QemuGuest)
            with pytest.raises(
                UartsimError, match=r"format raw has no snapshots.*use a qcow2 image, or add snapshot=on"
            ):
                await machine.guest.checkpoint(lambda: None)
            assert machine.status()["guest"]["running"]

    @in_trio
    async def test_no_room_for_a_checkpoint_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        definition = boot(POLL_LSR, tmp_path)
        async with Line().open(definition) as machine:
            assert isinstance(machine.guest, QemuGuest)
            monkeypatch.setattr("resource.getrlimit", lambda what: (1 << 20, 1 << 20))
            with pytest.raises(UartsimError, match=r"memory cannot be kept in .*: File too large; set TMPDIR"):
                await machine.guest.checkpoint(lambda: None)
            assert machine.status()["guest"]["running"]
            monkeypatch.undo()
            await machine.guest.checkpoint(lambda: None)
