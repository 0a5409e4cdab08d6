"""What ``[qemu]`` names for QEMU's command line: kernel, initrd, multiboot modules and CD; drives and other devices."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import trio

from uartsim.guest.boot_files import boot_cd, boot_file, multiboot
from uartsim.guest.catalogue import GuestDefinition
from uartsim.guest.qemu_agent import DEVICES
from uartsim.machine import Machine

_Built = TypeVar("_Built")


async def boot_words(definition: GuestDefinition, filled_in: Callable[[str, str], str], machine: Machine) -> list[str]:
    """QEMU's arguments for these files, which are built if necessary.

    Args:
        definition: the guest.
        filled_in: replaces the placeholders in a text of ``[qemu]``; its arguments are the key and the text.
        machine: what the guest runs on, for messages of progress.
    """
    options, folder = definition.options, definition.folder

    async def file(name: str) -> Path:
        return await in_thread(machine, lambda progress: boot_file(name, folder, progress))

    words = []
    if "kernel" in options:
        words += ["-kernel", str(await file(filled_in("kernel", options["kernel"])))]
    if modules := [filled_in("modules", text).partition(" ") for text in options.get("modules", [])]:
        words += ["-initrd", multiboot([(await file(name), rest) for name, _, rest in modules])]
    elif "initrd" in options:
        words += ["-initrd", str(await file(filled_in("initrd", options["initrd"])))]
    if "append" in options:
        words += ["-append", filled_in("append", options["append"])]
    if "cd" in options:
        files = [filled_in("cd", text) for text in options["cd"]]
        image = await in_thread(machine, lambda progress: boot_cd(files, folder, progress))
        words += ["-drive", f"file={image},media=cdrom,readonly=on"]
    return words


def device_words(definition: GuestDefinition, filled_in: Callable[[str, str], str]) -> list[str]:
    """QEMU's arguments for the drives that a guest names, its further arguments, and the port of its agent.

    Args:
        definition: the guest.
        filled_in: replaces the placeholders in a text of ``[qemu]``; its arguments are the key and the text.
    """
    options = definition.options
    words = [word for drive in options.get("drives", []) for word in ("-drive", filled_in("drives", drive))]
    words += [filled_in("args", word) for word in options.get("args", [])]
    return [*words, *DEVICES] if options.get("agent") else words


async def in_thread(machine: Machine, build: Callable[[Callable[[str], None]], _Built]) -> _Built:
    """Build something in a thread; its progress messages go to the machine's log, each once."""
    last = ""

    def progress(text: str) -> None:
        nonlocal last
        trio.from_thread.check_cancelled()
        if text != last:
            trio.from_thread.run_sync(machine.log, text)
        last = text

    return await trio.to_thread.run_sync(build, progress)
