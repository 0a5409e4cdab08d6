"""The guests debian-12 and debian-12-uefi: built here, booted at register level, and answering as Debian does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from tests.patience import SCALE
from uartsim.console.console import Console
from uartsim.console.open_console import open_console
from uartsim.errors import UsageError
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image, missing_programs
from uartsim.images.disk_look import look_at
from uartsim.machine import AgentError, CommandResult

OURS = Path(__file__).resolve().parents[2]
#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 300.0


@pytest.fixture(scope="module", autouse=True)
def _can_build() -> None:
    """Skip with the remedy where the images cannot be built."""
    recipe = find_guest("debian-12").image
    assert recipe is not None
    if missing := missing_programs(recipe):
        pytest.skip(f"building a Debian image needs programs that are missing here: {missing}")


@asynccontextmanager
async def booted(guest: str, firmware: str | None = None) -> AsyncIterator[Console]:
    async with open_console(guest, registers=True, firmware=firmware, timeout=BOOT_S, timeout_scale=SCALE) as console:
        yield console


async def answer(console: Console, command: str) -> str:
    return (await console.run(command)).output.strip()


def test_the_image_of_debian_12_is_built_and_can_boot_both_ways() -> None:
    guest = find_guest("debian-12")
    assert guest.image is not None
    image = build_image(guest.image, guest.folder, lambda text: None)
    assert image.size_bytes == guest.image.size_mb << 20
    assert look_at(image.path).boots == ("bios", "uefi")


@pytest.mark.needs(guest="debian-12")
def test_debian_12_answers_after_grub_s_menu_and_its_own_commands_work() -> None:
    async def main() -> None:
        async with booted("debian-12") as console:
            assert await console.grub.wait_for_menu() == ["Debian GNU/Linux", "Advanced options for Debian GNU/Linux"]
            await console.grub.boot()
            await console.login()
            assert "root=UUID=" in await answer(console, "cat /proc/cmdline")
            assert "console=tty0 console=ttyS0,115200" in await answer(console, "cat /proc/cmdline")
            assert len(await answer(console, "cat /proc/sys/kernel/random/boot_id")) == 36
            assert await answer(console, "systemctl is-system-running --wait") == "running"
            assert await answer(console, "test -d /sys/firmware/efi || echo bios") == "bios"
            assert await answer(console, "systemctl --failed --no-legend") == ""
            assert await answer(console, "systemctl is-active serial-getty@ttyS0") == "active"
            assert "ROOT LOGIN" in await answer(console, "journalctl --no-pager -b -t login")

            # The guest's own update-grub makes what was put there when the disk was made, but for what has been changed.
            edit = "sed -i s/^GRUB_TIMEOUT=.*/GRUB_TIMEOUT=9/ /etc/default/grub"
            await console.run(f"cp /boot/grub/grub.cfg /tmp; {edit}; update-grub")
            assert "set timeout=9" in await answer(console, "grep timeout= /boot/grub/grub.cfg")
            same = "sed s/timeout=9/timeout=5/ /boot/grub/grub.cfg | cmp - /tmp/grub.cfg && echo same"
            assert await answer(console, same) == "same"
            assert "single" in await answer(console, "grep -A9 recovery /boot/grub/grub.cfg")

            assert (await answer(console, "echo root:other | chpasswd; passwd -S root")).startswith("root P ")
            assert await answer(console, "su user -c 'id -un'") == "user"
            await console.sendline("exit")
            await console.login("root", "other")
            assert await answer(console, "id -u") == "0"

    trio.run(main)


@pytest.mark.needs(guest="debian-12")
def test_debian_12_s_agent_runs_commands_and_sets_passwords_and_goes_on_in_a_snapshot(tmp_path: Path) -> None:
    async def main() -> None:
        async with booted("debian-12") as console:
            await console.grub.wait_for_menu()
            with pytest.raises(AgentError, match="its system may not have started yet"):
                await console.agent.run_command("id", timeout=1)
            await console.grub.boot()
            await console.expect("login: ")
            done = await console.agent.run_command("id -un; cat; echo oops >&2; exit 3")
            assert done == CommandResult(3, "root\n", "oops\n")
            with pytest.raises(AgentError, match=r"took longer than .* and was stopped"):
                await console.agent.run_command("sleep 1234; true", timeout=2)
            assert (await console.agent.run_command("ps -C sleep -o args=")).stdout == ""
            with pytest.raises(UsageError, match="powershell"):
                await console.agent.run_command("Get-Process", shell="powershell")

            await console.agent.set_password("ann", "s3cret pass")
            await console.sendline()
            await console.login("ann", "s3cret pass")
            assert await answer(console, "id -nG; pwd") == "ann sudo\n/home/ann"
            await console.agent.set_password("user", "another")
            assert (await console.agent.run_command("getent passwd | grep -c home/user")).stdout == "1\n"
            boot_id = await answer(console, "cat /proc/sys/kernel/random/boot_id")
            await console.snapshots.save(tmp_path / "saved")
            await console.sendline("exit")
            await console.login("user", "another")
        async with open_console(
            "debian-12", restore=tmp_path / "saved", registers=True, timeout=BOOT_S, timeout_scale=SCALE
        ) as console:
            read = "cat /proc/sys/kernel/random/boot_id"
            assert (await console.agent.run_command(read)).stdout.strip() == boot_id
            moment = await console.snapshots.checkpoint()
            await console.agent.run_command("touch /root/late")
            await console.snapshots.restore(moment)
            assert (await console.agent.run_command("ls /root")).stdout == ""
            assert await answer(console, "id -un") == "ann"

    trio.run(main)


@pytest.mark.needs("/usr/share/OVMF/OVMF_CODE_4M.fd", guest="debian-12")
def test_debian_12_boots_under_uefi_too() -> None:
    async def main() -> None:
        async with booted("debian-12", firmware="uefi") as console:
            await console.grub.wait_for_menu()
            await console.grub.boot()
            await console.login("user", "user")
            assert await answer(console, "test -d /sys/firmware/efi && echo efi") == "efi"
            assert "/dev/vda15" in await answer(console, "findmnt -n -o SOURCE /boot/efi")

    trio.run(main)


@pytest.mark.images
@pytest.mark.needs(guest="debian-12-uefi")
def test_debian_12_uefi_answers_and_its_update_grub_only_adds_the_firmware_s_settings() -> None:
    async def main() -> None:
        async with booted("debian-12-uefi") as console:
            await console.grub.wait_for_menu()
            await console.grub.boot()
            await console.login()
            assert await answer(console, "test -d /sys/firmware/efi && echo efi") == "efi"
            assert await answer(console, "systemctl --failed --no-legend") == ""
            await console.run("cp /boot/grub/grub.cfg /tmp; update-grub")
            changes = await answer(console, "diff /tmp/grub.cfg /boot/grub/grub.cfg | grep '^[<>]'")
            assert "UEFI Firmware Settings" in changes  # which GRUB offers where it finds UEFI's variables
            assert "<" not in changes

    trio.run(main)


@pytest.mark.images
@pytest.mark.needs("root", "setpriv", "fakechroot", "fakeroot")
def test_root_and_an_ordinary_user_build_the_same_bytes() -> None:
    """Two builds take minutes, and the packages must not change between them."""
    code = (
        "from uartsim.guest.catalogue import find_guest\n"
        "from uartsim.images.build import build_image\n"
        "guest = find_guest('debian-12')\n"
        "print(build_image(guest.image, guest.folder, lambda text: None).sha256)\n"
    )
    found = []
    for user in (0, 12345):
        with tempfile.TemporaryDirectory() as folder:
            os.chown(folder, user, user)
            done = subprocess.run(
                ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", sys.executable, "-c", code],
                cwd=OURS,
                env={**os.environ, "XDG_CACHE_HOME": folder, "HOME": folder, "TMPDIR": folder},
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            found.append(done.stdout)
    assert found[0] == found[1]
