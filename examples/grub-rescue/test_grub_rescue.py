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


# The firmware has no disk, and GRUB's command line is what is wanted here: neither is a problem.  At a UART whose FIFO fills,
# as on our registers, this firmware's own console tears the frame of the menu; at QEMU's own it does not.
@pytest.mark.uartsim(guest="grub-rescue", timeout=60, allow=["fw.no-boot-device", "grub.*"], registers=False)
def test_real_grub(console: Console) -> None:
    console.grub.command_line()
    console.type("serial --speed=115200; terminal_input serial; terminal_output serial")  # a BIOS may lose keys
    console.send("\r")
    console.expect("grub> $")
    assert "(cd)" in console.run("ls", shell="grub").output
    assert console.run("test -e (cd)/boot/grub", shell="grub").status == 0
    assert console.run("test -e (cd)/missing", shell="grub").status == 1
