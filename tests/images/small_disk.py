"""Disks that start in a moment: a boot sector of 16-bit code that says hello on COM1, and images of it in other formats."""

from __future__ import annotations

import subprocess
from pathlib import Path

#: What the disk says first; the digit is the first byte of its second sector.
HELLO = b"hello from the disk, 0\r\n"
#: The size of the disk in bytes.
SIZE = 1 << 20

# Loaded by the BIOS at 7C00h.  It sets COM1 up, reads the second sector with int 13h, and says hello and the first byte of
# that.  For each 'w' it adds one to that byte, writes the sector back and says whether that worked; 'q' switches the machine
# off.
_CODE = bytes.fromhex(
    "31C0 8ED8 8EC0 8ED0 BC007C FC 8816007E"  # segments 0, the stack below, the drive's number kept
    "BAFB03 B083 EE BAF803 B001 EE BAFB03 B003 EE"  # 115200 8N1
    "B80102 E84500 BE007D E84E00 A00080 E85300 BE407D E84200"  # read the sector; say hello and its first byte
    "BAFD03 EC A801 74FB BAF803 EC"  # wait for LSR.DR, read RBR
    "3C77 7517 FE060080 B80103 E81900 BE507D 7303 BE707D E81D00 EBD9"  # 'w': add one, write, say how it went
    "3C71 75D5 BA0406 B80020 EF F4"  # 'q': PM1a_CNT.SLP_EN with type 0, which is off
    "BB0080 B90200 30F6 8A16007E CD13 C3"  # disk: int 13h with cylinder 0, head 0, sector 2, at 8000h
    "AC 84C0 7405 E80300 EBF6 C3"  # say: put each byte from SI to a zero
    "88C4 BAFD03 EC A820 74FB BAF803 88E0 EE C3"  # put: wait for LSR.THRE, write THR
)
_TEXTS = {0x100: HELLO[:-3], 0x140: b"\r\n", 0x150: b"written\r\n", 0x170: b"not written\r\n"}


def boot_sector() -> bytes:
    """The first sector of the disk: code, texts, and the signature, without a partition."""
    sector = bytearray(_CODE.ljust(510, b"\0") + b"\x55\xaa")
    for at, text in _TEXTS.items():
        sector[at : at + len(text)] = text
    return bytes(sector)


def small_disk(path: Path, image_format: str = "raw") -> Path:
    """Make the disk in a format, as QEMU names it, or ``"iso"``."""
    raw = path.with_name(f"{path.name}.made")
    raw.write_bytes((boot_sector() + b"0").ljust(SIZE, b"\0"))
    if image_format == "raw":
        raw.rename(path)
    elif image_format == "iso":
        tree = path.with_name(f"{path.name}.tree")
        tree.mkdir()
        (tree / "boot.bin").write_bytes(boot_sector().ljust(2048, b"\0"))
        run(
            "xorriso",
            "-as",
            "mkisofs",
            "-quiet",
            "-b",
            "boot.bin",
            "-no-emul-boot",
            "-boot-load-size",
            "4",
            "-o",
            path,
            tree,
        )
        raw.unlink()
    else:
        run("qemu-img", "convert", "-f", "raw", "-O", image_format, raw, path)
        raw.unlink()
    return path


def run(*words: str | Path, text: str = "") -> None:
    """Run one of the host's programs, which may be in an administrator's folder."""
    done = subprocess.run(
        [str(word) for word in words],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1", "LC_ALL": "C"},
        check=False,
    )
    assert done.returncode == 0, (words, done.stdout)
