"""The port bridge's library: compiled once with the system's C compiler, and kept in the user's cache.

Its name in the cache is a hash of the source and of the QEMU that it is for, so that a new version of uartsim or of QEMU
never uses an old library.  QEMU is identified by its build ID (an ELF note that the linker writes), or by its content if
it has none.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Final

from uartsim.errors import UartsimError, UsageError
from uartsim.file_cache import Progress, cache_folder, content_hash, kept_file

#: The C source of the library.
SOURCE: Final = Path(__file__).with_name("port_bridge.c")
#: The headers that the source includes.
HEADERS: Final = tuple(map(SOURCE.with_name, ("port_bridge.h", "port_qemu.h", "port_ring.h", "port_lease.h")))
#: The C compiler's command.
COMPILER: Final = "cc"
#: How long compiling may take, in seconds.
COMPILE_TIMEOUT_S: Final = 60.0

_FLAGS: Final = ("-std=gnu11", "-O2", "-shared", "-fPIC", "-pthread")
_NOTE_SEGMENT: Final = 4
_BUILD_ID_NOTE: Final = 3


class BridgeUnavailable(UartsimError):
    """The port bridge cannot be used here; the message gives the reason, as the end of a sentence."""


def build_id(program: Path) -> str:
    """A text that identifies this build of a program.

    Raises:
        BridgeUnavailable: the program cannot be read.
    """
    try:
        content = program.read_bytes()
    except OSError as error:
        raise BridgeUnavailable(f"{program} cannot be read: {error.strerror}") from None
    return _elf_build_id(content) or hashlib.sha256(content).hexdigest()


def _elf_build_id(content: bytes) -> str:
    """The build ID of a 64-bit little-endian ELF file, in hexadecimal; empty if it has none."""

    def number(at: int, size: int) -> int:
        return int.from_bytes(content[at : at + size], "little")

    if content[:6] != b"\x7fELF\x02\x01":
        return ""
    table, entry_size, count = number(32, 8), number(54, 2), number(56, 2)
    for entry in range(table, table + count * entry_size, entry_size or 1):
        if number(entry, 4) != _NOTE_SEGMENT:
            continue
        at = number(entry + 8, 8)
        end = at + number(entry + 32, 8)
        while at + 12 <= min(end, len(content)):
            name_size, size, kind = number(at, 4), number(at + 4, 4), number(at + 8, 4)
            name = content[at + 12 : at + 12 + name_size]
            at += 12 + (name_size + 3 & ~3)
            if kind == _BUILD_ID_NOTE and name == b"GNU\0":
                return content[at : at + size].hex()
            at += size + 3 & ~3
    return ""


def bridge_library(qemu: Path, progress: Progress = lambda text: None, cache: Path | None = None) -> Path:
    """The path of the library for this QEMU.  If it is not in the cache, it is compiled, which takes about a second.

    Args:
        qemu: the path of the QEMU program.
        progress: see :data:`uartsim.file_cache.Progress`.
        cache: the folder to keep the library in; the user's cache by default.

    Raises:
        BridgeUnavailable: there is no compiler, the compiler fails, or the cache cannot be written.
    """
    key = content_hash(*(file.read_bytes() for file in (SOURCE, *HEADERS)), build_id(qemu).encode())

    def make(draft: Path) -> None:
        progress("compiling the port bridge")
        _compile(draft)

    try:
        return kept_file("port-bridge", key, ".so", make, progress, cache)
    except OSError as error:
        folder = cache or cache_folder()
        raise BridgeUnavailable(f"{folder} cannot be written: {error.strerror or error}") from None
    except UsageError as error:
        raise BridgeUnavailable(str(error)) from None


def _compile(library: Path) -> None:
    compiler = shutil.which(COMPILER)
    if compiler is None:
        raise BridgeUnavailable(f"no C compiler ({COMPILER}) is installed: apt-get install gcc libc6-dev")
    try:
        done = subprocess.run(
            [compiler, *_FLAGS, "-o", str(library), str(SOURCE), "-ldl"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=COMPILE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BridgeUnavailable(f"{compiler} did not end within {COMPILE_TIMEOUT_S:g} s") from None
    if done.returncode:
        said = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[-200:])
        raise BridgeUnavailable(f"{compiler} failed with status {done.returncode}: {said.strip()}")
