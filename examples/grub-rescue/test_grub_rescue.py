"""Mending a machine from GRUB's menu, and GRUB's own command line."""

import pytest

from uartsim.blocking import Console


@pytest.mark.uartsim(guest="demo", clock="virtual", timeout=120)
def test_forgotten_password(console: Console) -> None:
    console.grub.edit(r"^\s*linux", " init=/bin/bash")
    console.grub.boot()
    console.run("mount -o remount,rw /")
    console.sendline("passwd root")
    for _ in range(2):
        console.expect("(?i)new password: ")
        console.send_secret("remembered")
    console.run("sync")
    console.reset()
    console.login("root", "remembered")


@pytest.mark.uartsim(guest="demo", clock="virtual", timeout=120)
def test_entry_of_the_submenu(console: Console) -> None:
    console.grub.select(["Advanced options", "recovery mode"])
    console.grub.boot()
    console.login("root", "toor")
    assert console.run("id -u").output == "0\n"


# GRUB's command line is what is wanted here, and no problem.
@pytest.mark.uartsim(guest="build/broken.iso", timeout=60, allow=["grub.*"])
def test_broken_menu(console: Console) -> None:
    assert console.grub.wait_for_menu() == ["Linux"]
    console.grub.boot()
    console.expect(r"error: file `/vmlinuz' not found")
    console.send("\r")  # any key continues
    console.grub.command_line()
    assert console.run("test -e /vmlinuz", shell="grub").status == 1
    assert "before.cfg" in console.run("ls /boot/grub", shell="grub").output
    console.sendline("configfile /boot/grub/before.cfg")
    assert console.grub.wait_for_menu() == ["Linux, before the update"]
