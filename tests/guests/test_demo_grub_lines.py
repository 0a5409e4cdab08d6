"""The demo guest's GRUB: the editor of an entry and the command line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from tests.guests.fake_tty import Line, demo_module
from tests.guests.grub_screen import at_menu, screen_of
from tests.machine.rig import virtual_time

script = demo_module("grub.grub_script")


@asynccontextmanager
async def at_prompt() -> AsyncIterator[Line]:
    async with at_menu() as line:
        line.type("c")
        await line.expect("grub> ")
        yield line


# ----------------------------------------------------------------------------------------------------------- the editor
@virtual_time
async def test_the_editor_shows_the_entry_with_tabs_as_eight_spaces_and_wraps_with_a_backslash() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        screen = screen_of(line)
        assert screen[4].strip("| ") == "setparams 'Debian GNU/Linux'"
        assert screen[6].startswith(" |        linux        /boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/vda1 ro c\\|")
        assert screen[7].strip("| ") == "onsole=tty0 console=ttyS0,115200"
        assert "Press Ctrl-x or F10 to boot, Ctrl-c or F2 for" in screen[19]


@virtual_time
async def test_typing_in_the_editor_redraws_the_line_and_places_the_cursor() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type("\x0e\x0e\x0e\x05")
        await line.silence(0.2)
        line.type("x")
        shown = "        echo        'Loading initial ramdisk ...'x"
        assert (await line.silence(0.2)).decode() == f"\x1b[?25l\x1b[9;3H{shown:<76}\x1b[9;{3 + len(shown)}H\x1b[?25h"


@virtual_time
async def test_the_recipe_of_ctrl_n_ctrl_n_ctrl_e_text_ctrl_x_boots_with_more_arguments() -> None:
    async with at_menu(5) as line:
        line.type("e")
        await line.expect("Minimum Emacs-like")
        for key in ("\x0e", "\x0e", "\x05", *" init=/bin/bash", "\x18"):
            line.type(key)
            await trio.sleep(0.03)
        await line.expect("  Booting a command list\n\r\n\r")
        await line.expect("console=ttyS0,115200 init=/bin/bash\r\n")
        await line.expect("root@(none):/# ")


@virtual_time
async def test_f10_boots_too() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type("\x1b[21~")
        await line.expect("Linux version", 1)


@virtual_time
async def test_esc_throws_the_changes_away() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type("\x0e\x0e\x05 single")
        await line.silence(0.2)
        line.type("\x1b")
        await line.expect("Use the ^ and v keys")
        line.type("\r")
        await line.expect("demo login: ")


@pytest.mark.parametrize(
    ("keys", "line_number", "expected"),
    [
        ("\x05\x08\x08", 0, "setparams 'Debian GNU/Linu"),
        ("\x06\x06\x04", 0, "separams 'Debian GNU/Linux'"),
        ("\x1b[C\x1b[C\x0b", 0, "se"),
        ("\x05\x15", 0, ""),
        ("\x05\x17", 0, "setparams 'Debian "),
        ("\x0b\x19\x19", 0, "setparams 'Debian GNU/Linux'setparams 'Debian GNU/Linux'"),
        ("abc\x02\x02X", 0, "aXbcsetparams 'Debian GNU/Linux'"),
        ("new\r", 1, "setparams 'Debian GNU/Linux'"),
        ("\x0e\x04", 1, "        linux        /boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/vda1 ro c\\"),
        ("\x0e\x08!", 0, "setparams 'Debian GNU/Linux'!"),
        ("\x05\x1b[3~", 1, "        linux        /boot/vmlinuz-6.1.0-18-cloud-amd64 root=/dev/vda1 ro c\\"),
        ("\x05\x02\x02\x1b[HY", 0, "Ysetparams 'Debian GNU/Linux'"),
        ("\x05\x06Z", 1, "Z"),
        ("\x0e\x02Z", 0, "setparams 'Debian GNU/Linux'Z"),
    ],
)
@virtual_time
async def test_the_editor_edits_as_emacs(keys: str, line_number: int, expected: str) -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type(keys)
        await line.silence(0.2)
        assert screen_of(line)[4 + line_number][2:78].rstrip() == expected.rstrip()


@virtual_time
async def test_the_editor_scrolls_and_marks_what_is_outside() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type("\r" * 15)
        await line.silence(0.2)
        screen = screen_of(line)
        assert screen[4].endswith("^")
        assert screen[15].endswith("v")
        line.type("\x10" * 20)
        await line.silence(0.2)
        assert not screen_of(line)[4].endswith("^")


@virtual_time
async def test_without_a_linux_line_grub_says_so_and_waits_for_a_key() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type("\x0e\x0e\x0b\x18")
        await line.expect("error: you need to load the kernel first.\n\r")
        await line.expect("\n\rPress any key to continue...")
        line.type(" ")
        await line.expect("Minimum Emacs-like")


@virtual_time
async def test_without_an_initrd_the_kernel_finds_no_root() -> None:
    async with at_menu() as line:
        line.type("e")
        await line.silence(0.2)
        line.type("\x0e\x0e\x0e\x0e\x0b\x18")
        await line.expect("Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)")
        await line.expect("---[ end Kernel panic")
        await line.expect("\r\n")
        assert await line.silence(100) == b""


# ----------------------------------------------------------------------------------------------------- the command line
@virtual_time
async def test_the_command_line_greets_and_esc_returns_to_the_menu() -> None:
    async with at_menu() as line:
        line.type("c")
        await line.expect(f"{'   Minimal BASH-like line editing is supported. For the first word, TAB':<74}\n\r")
        await line.expect("\n\r\n\r\n\rgrub> ")
        line.type("\x1b")
        await line.expect("Use the ^ and v keys")


@virtual_time
async def test_an_unknown_command_is_an_error() -> None:
    async with at_prompt() as line:
        line.type("foo\r")
        assert await line.silence(0.2) == (
            b"\x1b[9;7Hf\x1b[9;8H\x1b[9;8Ho\x1b[9;9H\x1b[9;9Ho\x1b[9;10H\n\rerror: can't find command `foo'.\n\rgrub> "
        )


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("ls", "(hd0) (hd0,msdos1) "),
        ("ls (hd0,msdos1)/boot", "config-6.1.0-18-cloud-amd64 grub/ initrd.img-6.1.0-18-cloud-amd64"),
        ("ls /nothing", "error: file `/nothing' not found."),
        ("set", "grub_platform=pc"),
        ("set root", "root=hd0,msdos1"),
        ("echo 'a  b' $root \"$root\" c\\ d", "a  b hd0,msdos1 hd0,msdos1 c d"),
        ("linux /x", "error: file `/x' not found."),
        ("initrd /initrd.img", "error: you need to load the kernel first."),
        ("boot", "error: you need to load the kernel first."),
        ("help", "reboot"),
    ],
)
@virtual_time
async def test_commands_answer(command: str, answer: str) -> None:
    async with at_prompt() as line:
        line.type(command + "\r")
        await line.expect("\n\r")
        assert answer in (await line.silence(0.2)).decode()


@virtual_time
async def test_variables_set_on_the_command_line_are_kept() -> None:
    async with at_prompt() as line:
        line.type("set colour=blue\recho <${colour}>\r")
        await line.expect("\n\r<blue>\n\r")


@virtual_time
async def test_a_kernel_can_be_booted_by_hand() -> None:
    async with at_prompt() as line:
        line.type("linux /vmlinuz root=/dev/vda1 console=ttyS0,115200 init=/bin/sh\r")
        line.type("initrd /initrd.img\rboot\r")
        await line.expect("BOOT_IMAGE=/vmlinuz root=/dev/vda1 console=ttyS0,115200 init=/bin/sh\r\n")
        await line.expect("job control turned off\r\n# ")


@virtual_time
async def test_the_command_lines_history_and_editing() -> None:
    async with at_prompt() as line:
        line.type("echo one\r")
        await line.expect("\n\rone\n\r")
        line.type("\x1b[A\x08\x08\x08two\x01#\x04\r")
        await line.silence(0.2)
        assert "grub> #cho two" in screen_of(line)
        line.type("ec\tthree\r")
        await line.expect("\n\rthree\n\r")


@virtual_time
async def test_reboot_and_halt_end_the_machine() -> None:
    async with at_prompt() as line:
        line.type("reboot\r")
        await trio.sleep(1)
        assert line.ended == "reboot"
    async with at_prompt() as line:
        line.type("halt\r")
        await trio.sleep(1)
        assert line.ended == "poweroff"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("a 'b  c' \"d e\"", ["a", "b  c", "d e"]),
        ("a\\ b", ["a b"]),
        ("$x ${x}y '$x' \"$x\" $nothing.", ["1", "1y", "$x", "1", "."]),
        ("a # b", ["a"]),
        ("''", [""]),
    ],
)
def test_words_are_split_as_in_grubs_script_language(text: str, words: list[str]) -> None:
    assert script.split_words(text, {"x": "1"}) == words


@given(st.lists(st.text(alphabet='ab $"\\;#{}\t', max_size=8), max_size=5))
def test_words_in_single_quotes_are_kept_whatever_is_in_them(words: list[str]) -> None:
    assert script.split_words(" ".join(f"'{word}'" for word in words), {"a": "1"}) == words


@given(st.text(alphabet="ab '\"\\;#${}?", max_size=30))
def test_any_line_of_grubs_has_words(text: str) -> None:
    assert all(isinstance(word, str) for word in script.split_words(text, {"a": "1"}))
