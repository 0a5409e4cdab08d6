"""Kernel: SysRq, NMI, panics, and what the kernel writes on the console."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import KernelParameters
from uartsim.scenarios.scenario import Scenario
from uartsim.scenarios.systemd_units import service_at_boot

_LINUX: Final = frozenset({"linux"})
_DEBIAN: Final = frozenset({"disk", "grub", "systemd"})

SCENARIOS: Final = (
    Scenario(
        name="sysrq-mask",
        group="kernel",
        summary="SysRq by break, and a mask that allows some of its keys",
        cause="sysctl.kernel.sysrq=438 on the kernel's line, Debian's mask: it allows synchronizing, restarting and some more, "
        "but no dumps and no crash.",
        shown='A break and h: "sysrq: HELP"; a break and t or c: "This sysrq operation is disabled."',
        way_out="echo 1 > /proc/sys/kernel/sysrq allows every key; c crashes the kernel, and a reset brings it back.",
        test="test_keys_that_the_mask_refuses_are_allowed_by_root",
        rows=("A-048", "A-128"),
        needs=_LINUX,
        concerns=frozenset({"sysrq"}),
        start="login",
        kernel=KernelParameters(add="sysctl.kernel.sysrq=438"),
    ),
    Scenario(
        name="sysrq-reboot",
        group="kernel",
        summary="a machine that hangs is restarted by a break and b",
        cause="Nothing is wrong but that nobody can log in; Debian's mask allows b.",
        shown='"sysrq: Resetting", and at once the firmware and the boot loader.',
        way_out="The machine boots to its login prompt.",
        test="test_break_and_b_restart_the_machine",
        needs=_LINUX,
        concerns=frozenset({"sysrq"}),
        start="login",
    ),
    Scenario(
        name="sysrq-reisub",
        group="kernel",
        summary="a machine that hangs is restarted gently: R, E, I, S, U, B",
        cause="sysrq_always_enabled=1 on the kernel's line, as on a machine that is watched over its console only.",
        shown='"sysrq: Keyboard mode set to system default", "Terminate All Tasks", "Kill All Tasks", "Emergency Sync", '
        '"Emergency Remount R/O" and "Resetting".',
        way_out="The machine boots to its login prompt, and its file system is clean.",
        test="test_reisub_leaves_a_clean_file_system",
        needs=_LINUX,
        concerns=frozenset({"sysrq"}),
        start="login",
        kernel=KernelParameters(add="sysrq_always_enabled=1"),
    ),
    Scenario(
        name="sysrq-disabled",
        group="kernel",
        summary="SysRq is switched off",
        cause="sysctl.kernel.sysrq=0 on the kernel's line, and systemd-sysctl, which would set Debian's mask, is masked.",
        shown='Nothing from the kernel after a break and h: the h is typed at the login prompt, "login: h".',
        way_out="echo 1 > /proc/sys/kernel/sysrq at a shell.",
        test="test_sysrq_that_is_off_is_switched_on",
        needs=_LINUX,
        concerns=frozenset({"sysrq"}),
        start="login",
        kernel=KernelParameters(add="sysctl.kernel.sysrq=0 systemd.mask=systemd-sysctl.service"),
    ),
    Scenario(
        name="nmi-unknown",
        group="kernel",
        summary="an NMI that the kernel takes note of",
        cause="The NMI button, and a kernel without unknown_nmi_panic.",
        shown='"Uhhuh. NMI received for unknown reason" and "Dazed and confused, but trying to continue".',
        way_out="Nothing: the machine goes on.",
        test="test_machine_goes_on_after_an_nmi",
        needs=_LINUX,
        concerns=frozenset({"nmi"}),
        start="login",
    ),
    Scenario(
        name="nmi-panic",
        group="kernel",
        summary="an NMI stops the kernel, so that it can be looked into",
        cause="unknown_nmi_panic on the kernel's line; the NMI button.",
        shown='"Kernel panic - not syncing: NMI: Not continuing", and nothing after it.',
        way_out="Reset.",
        test="test_nmi_stops_the_kernel_and_a_reset_brings_it_back",
        needs=_LINUX,
        concerns=frozenset({"nmi"}),
        start="login",
        kernel=KernelParameters(add="unknown_nmi_panic"),
    ),
    Scenario(
        name="panic",
        group="kernel",
        summary="the kernel panics at each boot, and stands still",
        cause="rdinit=/not-there on the kernel's line: it skips the initramfs, and has no driver for its disk.",
        shown='"Kernel panic - not syncing: VFS: Unable to mount root fs", and nothing after it, whatever is typed.',
        way_out="Reset; in GRUB's editor, the parameter is taken out; then from /etc/default/grub; update-grub; reboot.",
        test="test_kernel_that_panics_at_each_boot_is_mended_from_grub",
        needs=_DEBIAN,
        concerns=frozenset({"panic"}),
        kernel=KernelParameters(add="rdinit=/not-there"),
    ),
    Scenario(
        name="panic-reboot",
        group="kernel",
        summary="the kernel panics at each boot, and restarts by itself",
        cause="panic=5 rdinit=/not-there on the kernel's line.",
        shown='"Kernel panic - not syncing: VFS: Unable to mount root fs", "Rebooting in 5 seconds..", and GRUB\'s menu again.',
        way_out="The menu is caught; in GRUB's editor, the parameters are taken out; then from /etc/default/grub.",
        test="test_machine_that_restarts_by_itself_is_caught_in_grub",
        needs=_DEBIAN,
        concerns=frozenset({"panic"}),
        kernel=KernelParameters(add="panic=5 rdinit=/not-there"),
    ),
    Scenario(
        name="printk-storm",
        group="kernel",
        summary="the kernel floods the console while somebody logs in",
        cause="A driver that complains ten times a second: a service writes to /dev/kmsg, and printk.devkmsg=on lets it.",
        shown="Kernel lines in the middle of the prompt and of all that is typed.",
        way_out="Somebody logs in all the same; a break and 0, or dmesg -n 1, and it is quiet; the service is masked.",
        test="test_login_is_possible_in_a_storm_of_kernel_lines",
        needs=_DEBIAN,
        concerns=frozenset({"console-loglevel"}),
        kernel=KernelParameters(add="printk.devkmsg=on"),
        image=(
            *service_at_boot(
                "storm",
                "[Unit]\nDescription=A driver that complains\n"
                "[Service]\nExecStart=/bin/bash -c 'exec 3<> <(:); "  # nothing is ever in that pipe
                'while ! read -rt 0.1 -u 3; do echo "<2>storm: link is down" >/dev/kmsg; done\'\n',
            ),
        ),
    ),
    Scenario(
        name="console-loglevel",
        group="kernel",
        summary="the kernel's messages do not reach the console",
        cause="loglevel=1 on the kernel's line.",
        shown="No line of the kernel's, not even errors; the rest of the boot is as ever.",
        way_out="A break and 8, where nobody can log in; or dmesg -n 8; for good, /etc/default/grub without loglevel=1.",
        test="test_kernel_messages_come_back_with_the_log_level",
        needs=_LINUX,
        concerns=frozenset({"console-loglevel"}),
        start="login",
        kernel=KernelParameters(add="loglevel=1"),
    ),
)
