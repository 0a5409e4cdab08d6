"""Rescue: a machine that comes up broken, or to which nobody can log in."""

from __future__ import annotations

from typing import Final

from uartsim.images.fs_damage import SharedBlocks
from uartsim.images.image_steps import AppendText, KernelParameters, ReplaceText
from uartsim.scenarios.scenario import Scenario
from uartsim.scenarios.systemd_units import service_at_boot

#: A file system that no disk has.  Without the option systemd waits 90 s for it.
_LOST: Final = "UUID=deadbeef-0000-0000-0000-000000000000 /data ext4 defaults,x-systemd.device-timeout=5s 0 2\n"
#: A hash (SHA-512) of no password that anybody knows: its salt and its digits are made up.
_UNKNOWN: Final = "$6$nobodyknows$" + "Zq3v1bX8" * 10 + "Zq3v1b"

#: What starts a shell without a login; Alpine has no bash.
_SHELL: Final = "rw init=/bin/bash (on Alpine init=/bin/sh, and then mount -o remount,rw /)"

_DEBIAN: Final = frozenset({"disk", "grub", "systemd"})

SCENARIOS: Final = (
    Scenario(
        name="broken-fstab",
        group="rescue",
        summary="a line of /etc/fstab names a file system that is not there",
        cause="A line of /etc/fstab names a UUID that no file system has.",
        shown='After the time limit for the device, "You are in emergency mode" and "Give root password for maintenance".',
        way_out="Root's password; the line is taken out in an editor; reboot.",
        test="test_broken_fstab_is_mended_in_a_full_screen_editor",
        rows=("A-051", "A-052", "P-029"),
        needs=_DEBIAN,
        concerns=frozenset({"fstab"}),
        image=(AppendText("/etc/fstab", _LOST),),
    ),
    Scenario(
        name="root-locked",
        group="rescue",
        summary="root's account is locked",
        cause="Root's password in /etc/shadow is '!', as on images whose root nobody may be.",
        shown='"Login incorrect" for any password; in emergency mode "Cannot open access to console, the root account is '
        'locked." and "Press Enter to continue."',
        way_out=f"In GRUB's editor, {_SHELL} at the end of the kernel's line; passwd; restart.",
        test="test_locked_root_is_let_in_again_by_a_shell_without_a_login",
        rows=("A-035",),
        needs=frozenset({"disk", "grub"}),
        concerns=frozenset({"root-password"}),
        image=(ReplaceText("/etc/shadow", r"^root:[^:]*:", "root:!:"),),
    ),
    Scenario(
        name="lost-password",
        group="rescue",
        summary="nobody knows root's password any more",
        cause="Root's password in /etc/shadow is a hash of something that nobody knows.",
        shown='"Login incorrect", whatever is typed.',
        way_out=f"In GRUB's editor, {_SHELL} at the end of the kernel's line; passwd; restart.",
        test="test_lost_password_is_replaced_in_a_shell_without_a_login",
        rows=("A-035",),
        needs=frozenset({"disk", "grub"}),
        concerns=frozenset({"root-password"}),
        image=(ReplaceText("/etc/shadow", r"^root:[^:]*:", f"root:{_UNKNOWN}:"),),
    ),
    Scenario(
        name="root-without-password",
        group="rescue",
        summary="root never had a password",
        cause="Root's password in /etc/shadow is '*', as on images of clouds, where no password was ever set.",
        shown='"Login incorrect" for root, also with nothing typed at "Password:", while another user logs in; "su: '
        'Authentication failure" for that user.',
        way_out=f"In GRUB's editor, {_SHELL} at the end of the kernel's line; passwd; restart.",
        test="test_root_without_a_password_is_refused_until_one_is_set",
        rows=("A-035",),
        needs=frozenset({"disk", "grub"}),
        concerns=frozenset({"root-password"}),
        image=(ReplaceText("/etc/shadow", r"^root:[^:]*:", "root:*:"),),
    ),
    Scenario(
        name="corrupt-file-system",
        group="rescue",
        summary="the root file system has errors that a boot does not repair by itself",
        cause="Two files claim the same block, and the superblock says that there were errors.",
        shown='"Failed to start systemd-fsck-root.service - File System Check on Root Device." and "Reached target '
        'emergency.target"; systemd may end that shell again, since udev starts services that need sysinit.target.',
        way_out="Reset; in GRUB's editor, systemd.unit=emergency.target at the end of the kernel's line, with which the root "
        "file system stays read-only; root's password; fsck.ext4 -f -y; reboot -f.",
        test="test_corrupt_file_system_is_repaired_by_fsck",
        rows=("A-055",),
        needs=_DEBIAN,
        concerns=frozenset({"file-system"}),
        damage=(SharedBlocks("/etc/issue.net", "/etc/debian_version"),),
    ),
    Scenario(
        name="single-user",
        group="rescue",
        summary="the machine starts in single user mode each time",
        cause="The kernel's line of every entry has the word single.",
        shown='"You are in rescue mode" and "Give root password for maintenance".',
        way_out="Root's password; the word is taken out of /etc/default/grub; update-grub; reboot.",
        test="test_single_user_mode_is_left_for_good",
        rows=("A-052",),
        needs=_DEBIAN,
        concerns=frozenset({"boot-target"}),
        kernel=KernelParameters(add="single"),
    ),
    Scenario(
        name="single-user-locked-root",
        group="rescue",
        summary="single user mode, and root has no password",
        cause="The kernel's line of every entry has the word single, and root's account is locked.",
        shown='"Cannot open access to console, the root account is locked." and "Press Enter to continue."',
        way_out="In GRUB's editor, rw init=/bin/bash at the end of the kernel's line; passwd; the word is taken out of "
        "/etc/default/grub; update-grub; restart.",
        test="test_single_user_mode_without_a_root_password_lets_nobody_in",
        rows=("A-035", "A-052"),
        needs=_DEBIAN,
        concerns=frozenset({"boot-target", "root-password"}),
        image=(ReplaceText("/etc/shadow", r"^root:[^:]*:", "root:!:"),),
        kernel=KernelParameters(add="single"),
    ),
    Scenario(
        name="full-disk",
        group="rescue",
        summary="the disk is full",
        cause="A service writes to a log of its own without end, until the file system has no room left.",
        shown='"No space left on device" from all that writes, after a login.',
        way_out="The service is stopped and disabled, and its log removed.",
        test="test_full_disk_is_freed_over_the_console",
        needs=_DEBIAN,
        concerns=frozenset({"disk-space"}),
        image=(
            *service_at_boot(
                "chatter",
                "[Unit]\nDescription=Writes a log without end\n"
                "[Service]\nExecStart=/bin/sh -c 'cat /dev/zero >>/var/log/chatter.log; sleep infinity'\n",
            ),
        ),
    ),
    Scenario(
        name="hung-boot-job",
        group="rescue",
        summary="a service that never gets ready holds the boot up",
        cause="A service without a time limit, which waits for ever, comes before the login prompt.",
        shown='"Job waits-for-ever.service/start running (... / no limit)", counting, and no login prompt.',
        way_out="Reset; in GRUB's editor, systemd.mask=NAME at the end of the kernel's line; then systemctl mask NAME.",
        test="test_hung_boot_job_is_masked_from_grub",
        needs=_DEBIAN,
        concerns=frozenset({"boot-target"}),
        image=(
            *service_at_boot(
                "waits-for-ever",
                "[Unit]\nDescription=Waits for ever\nBefore=getty.target serial-getty@ttyS0.service\n"
                "[Service]\nType=oneshot\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity\n",
            ),
        ),
    ),
)
