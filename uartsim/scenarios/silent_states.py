"""Enter does nothing: what image, boot loader and kernel have wrong."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import KernelParameters, ReplaceText, WriteText, grub_settings
from uartsim.scenarios.scenario import Scenario
from uartsim.scenarios.systemd_units import masked, serial_getty

_DEBIAN: Final = frozenset({"disk", "grub", "systemd"})
_GRUB: Final = frozenset({"disk", "grub"})
_SLOW_GRUB: Final = "serial --unit=0 --speed=9600 --word=8 --parity=no --stop=1"

SCENARIOS: Final = (
    Scenario(
        name="getty-masked",
        group="no-answer",
        summary="no login prompt: the unit of the serial getty is masked",
        cause="An empty file /etc/systemd/system/serial-getty@ttyS0.service masks the unit.",
        shown="The boot log up to its end, and then nothing, whatever is typed.",
        way_out="In GRUB's editor, systemd.unit=rescue.target at the end of the kernel's line; root's password; "
        "systemctl unmask serial-getty@ttyS0.service; reboot.",
        test="test_masked_getty_is_unmasked_in_rescue_mode",
        needs=_DEBIAN,
        concerns=frozenset({"getty"}),
        image=(masked("serial-getty@ttyS0.service"),),
    ),
    Scenario(
        name="no-console-argument",
        group="no-answer",
        summary="the kernel's line has no console=ttyS0",
        cause="The kernel's line of every entry says console=tty0 only.",
        shown='GRUB\'s menu, and after its "Loading initial ramdisk" not a byte: no boot log, no login prompt, no answer.',
        way_out="In GRUB's editor, console=ttyS0,115200 at the end of the kernel's line; then in /etc/default/grub; "
        "update-grub; reboot.",
        test="test_console_argument_is_added_in_grub_and_then_for_good",
        rows=("A-036", "A-050"),
        needs=_GRUB,
        concerns=frozenset({"kernel-console"}),
        kernel=KernelParameters(add="console=tty0", remove=("console=",)),
    ),
    Scenario(
        name="grub-without-serial",
        group="no-answer",
        summary="GRUB is on the display only",
        cause="GRUB_TERMINAL is console, so GRUB neither writes to the serial port nor reads from it.",
        shown='Nothing until the kernel\'s "Linux version": no menu, and no key has an effect.',
        way_out="The boot is waited for; GRUB_TERMINAL=serial in /etc/default/grub; update-grub; reboot.",
        test="test_grub_gets_its_serial_terminal_from_the_running_system",
        needs=_DEBIAN,
        concerns=frozenset({"grub-terminal"}),
        image=(grub_settings({"GRUB_TERMINAL": "console"}),),
    ),
    Scenario(
        name="kernel-without-serial",
        group="no-answer",
        summary="the kernel has no serial driver",
        cause="8250.nr_uarts=0 on the kernel's line: the driver 8250 does not start, neither for the kernel's console nor "
        "for ttyS0, as if it had not been built.",
        shown="GRUB's menu, and after its last line not a byte, although the kernel's line names ttyS0.",
        way_out="In GRUB's editor, the parameter is taken out; then from /etc/default/grub; update-grub; reboot.",
        test="test_kernel_without_its_serial_driver_is_started_with_it",
        rows=("A-047",),
        needs=_DEBIAN,
        concerns=frozenset({"kernel-console"}),
        kernel=KernelParameters(add="8250.nr_uarts=0"),
    ),
    Scenario(
        name="kernel-without-sysrq-on-serial",
        group="no-answer",
        summary="the kernel does not take a break for SysRq",
        cause="A kernel that was built without CONFIG_MAGIC_SYSRQ_SERIAL.",
        shown="Everything but an answer to a break.",
        way_out="Another kernel, or echo h > /proc/sysrq-trigger at a shell.",
        test="",
        rows=("A-047",),
        not_run="the kernels of Debian and Alpine are built with CONFIG_MAGIC_SYSRQ_SERIAL, no parameter switches it off, "
        "and building Debian's kernel again takes hours on two cores (an estimate); sysrq-disabled looks the same on COM1",
    ),
    Scenario(
        name="securetty",
        group="no-answer",
        summary="a hardened system: root may not log in on ttyS0",
        cause="login asks pam_securetty, and /etc/securetty does not name ttyS0; noconsole keeps the module from trusting "
        "the kernel's console.",
        shown='"Login incorrect" for root with the right password; other users log in.',
        way_out="Another user logs in; su -; ttyS0 is added to /etc/securetty; root logs in.",
        test="test_root_is_let_in_on_a_terminal_that_is_secure",
        needs=_DEBIAN,
        concerns=frozenset({"login-policy"}),
        image=(
            ReplaceText("/etc/pam.d/login", r"\A", "auth required pam_securetty.so noconsole\n"),
            WriteText("/etc/securetty", "console\ntty1\n"),
        ),
    ),
    Scenario(
        name="rhgb-quiet",
        group="no-answer",
        summary="a quiet boot: nothing between GRUB and the login prompt",
        cause="rhgb quiet on the kernel's line, as desktop installations have it.",
        shown="After GRUB a line or two, and for the time of a whole boot nothing.",
        way_out="In GRUB's editor, the words are taken out; then from /etc/default/grub; update-grub; reboot.",
        test="test_quiet_boot_is_made_to_tell_what_it_does",
        needs=_DEBIAN,
        concerns=frozenset({"console-loglevel"}),
        kernel=KernelParameters(add="rhgb quiet"),
    ),
    Scenario(
        name="plymouth",
        group="no-answer",
        summary="Plymouth holds the console, and nobody tells it to quit",
        cause="quiet splash on the kernel's line, and plymouth-quit.service is masked, as for a display manager that tells "
        "Plymouth itself; but none is there.",
        shown='The end of the boot log as Plymouth repeats it, then "Job plymouth-quit-wait.service/start running (... / no '
        'limit)", counting, and no login prompt: the getty waits until Plymouth has quit.',
        way_out="Reset; in GRUB's editor, plymouth.enable=0 at the end of the kernel's line; then systemctl unmask "
        "plymouth-quit.service; reboot.",
        test="test_getty_that_waits_for_plymouth_is_started_without_it",
        needs=_DEBIAN | {"plymouth"},
        concerns=frozenset({"console-loglevel", "plymouth"}),
        image=(masked("plymouth-quit.service"),),
        kernel=KernelParameters(add="quiet splash"),
    ),
    Scenario(
        name="kernel-other-speed",
        group="no-answer",
        summary="the kernel uses another speed than the terminal",
        cause="console=ttyS0,9600 on the kernel's line, while GRUB and the terminal are at 115200.",
        shown="GRUB's menu, and after it NULs only at a terminal that stays at 115200: there each bit of 9600 baud is longer "
        "than a whole character.",
        way_out="The terminal is set to 9600 for once; console=ttyS0,115200 in /etc/default/grub; update-grub; reboot.",
        test="test_kernel_is_brought_back_to_the_terminals_speed",
        needs=_DEBIAN,
        concerns=frozenset({"kernel-console"}),
        kernel=KernelParameters(add="console=tty0 console=ttyS0,9600", remove=("console=",)),
    ),
    Scenario(
        name="getty-other-speed",
        group="no-answer",
        summary="the getty uses another speed than the terminal",
        cause="A drop-in file of serial-getty@ttyS0.service starts agetty with the speed 38400 only.",
        shown="The boot log, and in place of the login prompt garbage; Enter does not bring a prompt either.",
        way_out="The terminal is set to 38400 for once; the drop-in file is removed; reboot.",
        test="test_getty_is_brought_back_to_the_terminals_speed",
        needs=_DEBIAN,
        concerns=frozenset({"getty"}),
        image=(serial_getty("speed", "/sbin/agetty 38400 ttyS0 vt220"),),
    ),
    Scenario(
        name="grub-other-speed",
        group="no-answer",
        summary="GRUB uses another speed than the terminal",
        cause="GRUB_SERIAL_COMMAND says --speed=9600, while the kernel and the terminal are at 115200.",
        shown="NULs only in place of GRUB's menu, since each bit of 9600 baud is longer than a whole character of the "
        "terminal's; the kernel's lines are in order.",
        way_out="The boot is waited for; --speed=115200 in /etc/default/grub; update-grub; reboot.",
        test="test_grub_is_brought_back_to_the_terminals_speed",
        needs=_DEBIAN,
        concerns=frozenset({"grub-terminal"}),
        image=(grub_settings({"GRUB_TERMINAL": "serial", "GRUB_SERIAL_COMMAND": _SLOW_GRUB}),),
    ),
)
