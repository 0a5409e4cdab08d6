"""A real Debian 12 behind the whole service: rows of the documents that want a real kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.patience import SCALE
from tests.service.rules.azure_tenant import AzureTenant, Terminal
from uartsim.console.grub.grub_screen import read_editor
from uartsim.console.text.screen import ScreenModel
from uartsim.guest.catalogue import find_guest
from uartsim.images.build import build_image

#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 120.0 * SCALE
#: How long sulogin may take for an answer, in seconds, and how often it is given one.
ANSWER_S = 15.0 * SCALE
TRIES = 6
SHELL = "root@debian:~# "
#: Ctrl-P, "the entry above": it stops the menu's countdown, which a busy machine could let pass before the next key.
STAY = "\x10"
BROKEN = "/dev/disk/by-label/lost /data ext4 defaults,x-systemd.device-timeout=1s 0 2"


@pytest.fixture
def debian(azure_with: Callable[..., AzureTenant]) -> AzureTenant:
    """The service with a machine debian1, which is off."""
    guest = find_guest("debian-12")
    assert guest.image is not None
    build_image(guest.image, guest.folder, lambda text: None)  # once; otherwise the first start would do it
    azure = azure_with(debian=True)
    azure.patience_s = BOOT_S
    return azure


def started(azure: AzureTenant) -> Terminal:
    """The machine's console, before GRUB."""
    machine = azure.vm("debian1")
    azure.do("POST", f"{machine}/start")
    terminal = azure.console(machine)
    terminal.patience_s = BOOT_S
    return terminal


def boot_from_menu(terminal: Terminal) -> None:
    terminal.expect("GNU GRUB")
    terminal.expect("Advanced options")
    terminal.send("\r")


@pytest.mark.needs(guest="debian-12")
@pytest.mark.azure("A-039", "A-040", "A-041", "A-042", "A-043", "A-044", "A-047", "A-048", "A-128")
def test_debian_12_logs_in_and_answers_sysrq_and_nmi(debian: AzureTenant) -> None:
    with started(debian) as terminal:
        boot_from_menu(terminal)
        terminal.login()
        # The kernel flags of the document, in the file that it names.
        found = terminal.run("grep -hx -e CONFIG_SERIAL_8250=y -e CONFIG_MAGIC_SYSRQ_SERIAL=y /boot/config-$(uname -r)")
        assert sorted(found.split()) == ["CONFIG_MAGIC_SYSRQ_SERIAL=y", "CONFIG_SERIAL_8250=y"]
        terminal.run("dmesg -n 8")
        debian.admin(terminal, "sysrq", {"SysRqCommand": "h"})
        terminal.expect("sysrq: HELP")
        debian.admin(terminal, "nmi")
        terminal.expect("NMI received for unknown reason")
        assert terminal.run("echo still there") == "still there"


@pytest.mark.needs(guest="debian-12")
@pytest.mark.azure("A-051", "A-052", "A-055", "A-127", "P-029", "P-032", "P-045", "P-046")
def test_debian_12_is_mended_in_single_user_and_emergency_mode(debian: AzureTenant) -> None:
    with started(debian) as terminal:
        boot_to_bash(terminal)
        assert terminal.run("id -u; cat /proc/1/comm").split() == ["0", "bash"]
        assert "clean" in terminal.run("mount -o remount,ro /; fsck -n /dev/vda1 2>&1; mount -o remount,rw /")
        terminal.run(f"echo '{BROKEN}' >> /etc/fstab; sync; mount -o remount,ro /")
        # Reset keeps the console; the broken fstab ends in emergency mode, where it is mended, and the boot goes on.
        debian.admin(terminal, "reset")
        boot_from_menu(terminal)
        log_in_for_maintenance(terminal)
        terminal.run("mount -o remount,rw /; sed -i /by-label.lost/d /etc/fstab; systemctl daemon-reload; sync")
        terminal.type("exit")
        terminal.login()
        assert terminal.run("grep -c lost /etc/fstab") == "0"


def log_in_for_maintenance(terminal: Terminal) -> None:
    """Log in to emergency mode until the shell stays: where udev finds a device late, systemd starts all of it again."""
    for _ in range(TRIES):
        answer_for_maintenance(terminal)
        terminal.patience_s = ANSWER_S
        try:
            terminal.run("udevadm settle; sleep 1")
            return
        except AssertionError:
            continue
        finally:
            terminal.patience_s = BOOT_S
    raise AssertionError("emergency mode starts again and again")


def answer_for_maintenance(terminal: Terminal) -> None:
    """sulogin, which systemd may start twice: what was typed at the first is lost, so each of its questions is answered."""
    question = "(or press Control-D to continue): "
    terminal.expect(question)
    answered = terminal.seen.count(question) - 1

    def logged_in() -> bool:
        nonlocal answered
        asked = terminal.seen.count(question)
        if asked > answered:
            answered = asked
            terminal.type("toor")
        return SHELL in terminal.seen.rpartition(question)[2]

    terminal.patience_s = ANSWER_S
    for _ in range(TRIES):
        try:
            terminal.wait_until(logged_in, "shell")
            break
        except AssertionError:
            terminal.type("")  # makes it ask again, if it has missed the answer
    terminal.patience_s = BOOT_S
    terminal.expect(SHELL)


def boot_to_bash(terminal: Terminal) -> None:
    """GRUB's editor: a word more on the kernel's line, and a shell without a login."""
    terminal.expect("GNU GRUB")
    terminal.send(STAY)
    terminal.expect("Advanced options")
    terminal.send(STAY)
    terminal.send("e")
    terminal.wait_until(lambda: lines_to_kernel(terminal) is not None, "kernel's line in GRUB's editor")
    for key in ["\x0e"] * (lines_to_kernel(terminal) or 0):
        terminal.send(key)
    for key in ("\x05", *" rw init=/bin/bash", "\x18"):
        terminal.send(key)
    terminal.expect("root@(none):/#")


def lines_to_kernel(terminal: Terminal) -> int | None:
    """How far below the cursor the kernel's line is in GRUB's editor; None while it is not drawn."""
    screen = ScreenModel()
    screen.feed(terminal.seen.encode())
    view = read_editor(screen.read())
    if view is None or view.current != 0 or "Minimum Emacs" not in terminal.seen:
        return None
    places = [place for place, line in enumerate(view.lines) if line.text.split()[:1] == ["linux"]]
    return places[0] if places else None
