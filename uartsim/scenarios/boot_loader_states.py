"""Boot loader: GRUB in all its moods."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import ReplaceText, grub_settings
from uartsim.scenarios.scenario import Scenario

_GRUB: Final = frozenset({"disk", "grub"})
_DEBIAN: Final = frozenset({"disk", "grub", "systemd"})
_CONFIG: Final = "/boot/grub/grub.cfg"
#: The hash of the password "secret" (PBKDF2 with SHA-512, 1000 rounds), as grub-mkpasswd-pbkdf2 writes it.
_SECRET: Final = (
    "grub.pbkdf2.sha512.1000.000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425"
    "262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F.8F9697DC3B2D59180EE5C8E37EF2AFB1FED9FCA2BCD764F"
    "8C060CC8A1F83087420F0FEFEF9F9A3E2C65C329D6C9A411A7D92F4419DBDB44E5ECDA84BFE7C9F7F"
)

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        name="grub-menu",
        group="boot-loader",
        summary="GRUB's menu waits for somebody",
        cause="GRUB_TIMEOUT=-1: the menu does not count down.",
        shown="GRUB's menu, for ever.",
        way_out="Enter boots the highlighted entry.",
        test="test_menu_that_waits_boots_what_is_chosen",
        rows=("A-057",),
        needs=_GRUB,
        concerns=frozenset({"grub-timeout"}),
        image=(grub_settings({"GRUB_TIMEOUT": "-1"}),),
    ),
    Scenario(
        name="hidden-menu",
        group="boot-loader",
        summary="GRUB's menu is hidden",
        cause="GRUB_TIMEOUT_STYLE=hidden and GRUB_TIMEOUT=5.",
        shown="No menu, a few seconds of nothing, and the kernel.",
        way_out="Esc in these seconds brings the menu; GRUB_TIMEOUT_STYLE=menu in /etc/default/grub and update-grub keep it.",
        test="test_hidden_menu_is_caught_with_escape",
        rows=("A-057",),
        needs=_DEBIAN,
        concerns=frozenset({"grub-timeout"}),
        image=(grub_settings({"GRUB_TIMEOUT_STYLE": "hidden", "GRUB_TIMEOUT": "5"}),),
    ),
    Scenario(
        name="countdown-missed",
        group="boot-loader",
        summary="the menu is gone before anybody can press a key",
        cause="GRUB_TIMEOUT=1.",
        shown="The menu for a second, and the kernel.",
        way_out="Reset, which keeps the console, with a key held from then on; GRUB_TIMEOUT=10 and update-grub.",
        test="test_menu_that_was_missed_is_caught_after_a_reset",
        rows=("A-057",),
        needs=_DEBIAN,
        concerns=frozenset({"grub-timeout"}),
        image=(grub_settings({"GRUB_TIMEOUT": "1"}),),
    ),
    Scenario(
        name="wrong-root",
        group="boot-loader",
        summary="the kernel's line names a root file system that is not there",
        cause="root= on the kernel's line of every entry names a disk that the machine has not.",
        shown='"ALERT!  /dev/vdz1 does not exist.  Dropping to a shell!" and the prompt "(initramfs)".',
        way_out="Reset; in GRUB's editor the right root=; update-grub writes it for good.",
        test="test_wrong_root_is_edited_in_grub",
        needs=_DEBIAN,
        concerns=frozenset({"kernel-root"}),
        image=(ReplaceText(_CONFIG, r"^(\s*linux\s.*?) root=\S+", r"\1 root=/dev/vdz1"),),
    ),
    Scenario(
        name="submenu",
        group="boot-loader",
        summary="the first entry's kernel is gone, and only the submenu has one that boots",
        cause="The first entry of the menu names a kernel that is not there.",
        shown='"error: file `/boot/vmlinuz-gone\' not found." and "Press any key to continue..."',
        way_out="Advanced options, and an entry there; update-grub mends the first one.",
        test="test_entry_of_the_submenu_boots_where_the_first_does_not",
        needs=_DEBIAN,
        concerns=frozenset({"grub-entries"}),
        image=(ReplaceText(_CONFIG, r"\A((?:.*\n)*?\s*linux\s+)/boot/vmlinuz-\S+", r"\1/boot/vmlinuz-gone"),),
    ),
    Scenario(
        name="grub-prompt",
        group="boot-loader",
        summary="GRUB has no menu, only its prompt",
        cause="grub.cfg ends after its header, as where update-grub was interrupted: it has no entries.",
        shown='"Minimal BASH-like line editing is supported." and the prompt "grub>".',
        way_out="ls, linux, initrd and boot, typed at the prompt; update-grub writes the entries again.",
        test="test_machine_without_a_menu_is_booted_from_the_prompt",
        needs=_DEBIAN,
        concerns=frozenset({"grub-entries"}),
        image=(ReplaceText(_CONFIG, r"(?s)^### END /etc/grub\.d/00_header ###.*"),),
    ),
    Scenario(
        name="grub-rescue",
        group="boot-loader",
        summary="GRUB cannot load its normal mode",
        cause="The prefix or normal.mod of a GRUB that loads normal mode from the disk is wrong or gone.",
        shown='"Entering rescue mode..." and the prompt "grub rescue>".',
        way_out="set prefix, insmod normal and normal; from the running system grub-install.",
        test="",
        not_run="the GRUB of the images has normal mode built in, so that it never enters rescue mode; grub-prompt shows a "
        "GRUB that has lost its entries",
    ),
    Scenario(
        name="grub-password",
        group="boot-loader",
        summary="GRUB asks for a name and a password",
        cause='superusers="boss" and password_pbkdf2 in grub.cfg; the password is secret.',
        shown='The menu, and "Enter username:" for every entry, also at the end of the countdown, for the submenu, the editor '
        "(e) and the command line (c).",
        way_out="The name and the password, once; from the running system update-grub, whose files have no password.",
        test="test_grub_opens_for_its_password_only",
        needs=_DEBIAN,
        concerns=frozenset({"grub-password"}),
        image=(
            ReplaceText(_CONFIG, r"\A", f'set superusers="boss"\nexport superusers\npassword_pbkdf2 boss {_SECRET}\n'),
        ),
    ),
    Scenario(
        name="restart",
        group="boot-loader",
        summary="a restart keeps the console, and the menu can be caught",
        cause="Nothing is wrong; the guest is restarted from its shell.",
        shown='"reboot: Restarting system", and then GRUB\'s menu.',
        way_out="An entry is chosen, and boots.",
        test="test_restart_keeps_the_console_and_reaches_the_menu",
        rows=("A-057",),
        needs=_GRUB,
        concerns=frozenset({"power"}),
        start="shell",
    ),
    Scenario(
        name="reset-to-menu",
        group="boot-loader",
        summary="a reset keeps the console, and the menu can be caught",
        cause="Nothing is wrong; the reset button is pressed at the login prompt.",
        shown="GRUB's menu, at once.",
        way_out="An entry is chosen, and boots.",
        test="test_reset_keeps_the_console_and_reaches_the_menu",
        rows=("A-057",),
        needs=_GRUB,
        concerns=frozenset({"power"}),
        start="login",
    ),
    Scenario(
        name="uefi-eats-keys",
        group="boot-loader",
        summary="the firmware of a UEFI machine eats the keys that were meant for GRUB",
        cause="Nothing is wrong; keys are typed while the firmware runs, and GRUB's menu counts down from 3.",
        shown='"BdsDxe: starting" and, as if no key had been pressed, the kernel.',
        way_out="The key is pressed once GRUB's menu is on the screen, or again and again.",
        test="test_keys_that_the_firmware_ate_are_pressed_again",
        needs=frozenset({"disk", "grub", "uefi"}),
        concerns=frozenset({"grub-timeout"}),
        image=(grub_settings({"GRUB_TIMEOUT": "3"}),),
    ),
)
