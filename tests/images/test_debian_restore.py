"""The guest debian-12 goes back in place and in a new process: guest, overlay, chip and, under UEFI, its variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.patience import SCALE
from uartsim import blocking

#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 300.0


@pytest.mark.images
@pytest.mark.needs("/usr/share/OVMF/OVMF_CODE_4M.fd", guest="debian-12")
@pytest.mark.parametrize("guest", ["debian-12", "debian-12-uefi"])
def test_debian_12_is_as_it_was(tmp_path: Path, guest: str) -> None:
    saved = tmp_path / "saved"
    options: Any = {"timeout": BOOT_S, "timeout_scale": SCALE, "registers": True}
    with blocking.open_console(guest, **options) as console:
        console.login()
        console.run("here=kept; echo kept >/root/file; sync")
        boot_id = console.run("cat /proc/sys/kernel/random/boot_id").output
        moment = console.snapshots.checkpoint()
        console.snapshots.save(saved)
        for _ in range(3):
            assert console.run("here=lost; echo lost >/root/file; sync; touch /root/more; ls /root").status == 0
            console.snapshots.restore(moment)
            assert console.run("echo $here; cat /root/*").output == "kept\nkept\n"
        text = console.text
        # Only the overlay and the firmware's variables are saved, not the gigabyte of the disk.
        assert sum(file.stat().st_size for file in saved.glob("disk-*")) < 100 << 20
    with blocking.open_console(guest, restore=saved, **options) as console:
        assert console.text in text
        assert console.run("echo $here; cat /root/*").output == "kept\nkept\n"
        assert console.run("cat /proc/sys/kernel/random/boot_id").output == boot_id
        assert console.run("echo more >/root/more; sync; dmesg | grep -i 'i/o error'").output == ""
