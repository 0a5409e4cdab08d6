"""The demo guest's GRUB on serial: what it draws byte by byte, its menu and its keys.

The expected bytes were seen on the serial port of a machine with Debian 12's GRUB 2.06.
"""

from __future__ import annotations

import pytest
import trio

from tests.guests.fake_tty import FakeTty, demo_module, running_demo
from tests.guests.grub_screen import at_menu, screen_of
from tests.machine.rig import virtual_time

DEBIAN = "Debian GNU/Linux"
ADVANCED = "Advanced options for Debian GNU/Linux"


def entry(row: int, title: str, *, selected: bool) -> str:
    video = "\x1b[7m" if selected else "\x1b[m"
    mark = "*" if selected else " "
    return f"{video}\x1b[{row};3H{mark}{title:<75}\x1b[m\x1b[{row};78H\x1b[m"


@virtual_time
async def test_the_first_byte_comes_at_power_on() -> None:
    async with running_demo(grub_timeout=-1) as line:
        await trio.testing.wait_all_tasks_blocked()
        assert line.output.startswith(b"SeaBIOS")
        assert b"scripted guest of uartsim" in line.output


@virtual_time
async def test_the_menu_is_drawn_as_grub_draws_it_on_a_vt100() -> None:
    async with at_menu() as line:
        drawn = line.output[line.output.index(b"\x1b[H\x1b[J") :].decode()
    border = "+" + "-" * 76 + "+"
    sides = "".join(f"\x1b[{row};2H|\x1b[{row};79H|" for row in range(5, 17))
    helps = (
        "Use the ^ and v keys to select which entry is highlighted.",
        "Press enter to boot the selected OS, `e' to edit the commands",
        "before booting or `c' for a command-line.",
    )
    help_lines = "\x1b[m" + "\n\r ".join(f"     {text:<68}" for text in helps)
    entries = entry(5, DEBIAN, selected=True) + entry(6, ADVANCED, selected=False)
    entries += "".join(entry(row, "", selected=False) for row in range(7, 17))
    blank = " " * 79
    assert drawn == (
        "\x1b[H\x1b[J\x1b[1;1H\x1b[?25l\x1b[m\x1b[H\x1b[J\x1b[1;1H"
        "\x1b[2;24HGNU GRUB  version 2.06-13+deb12u1\n\r\n\r\x1b[m"
        f"\x1b[4;2H{border}{sides}\x1b[17;2H{border}\x1b[m\x1b[18;2H\x1b[19;2H{help_lines}"
        f"\x1b[5;80H {entries}\x1b[16;80H \x1b[5;78H\x1b[22;1H{blank}\x1b[23;1H{blank}\x1b[5;78H"
    )


@virtual_time
async def test_the_countdown_is_rewritten_in_place_every_second_and_then_boots() -> None:
    async with running_demo(grub_timeout=3) as line:
        for left in (3, 2, 1, 0):
            text = f"   The highlighted entry will be executed automatically in {left}s."
            await line.expect(f"\x1b[22;1H{text:<79}\x1b[5;78H", within_s=1.1)
        await line.expect(
            "\x1b[?25h\x1b[H\x1b[J\x1b[1;1H\x1b[H\x1b[J\x1b[1;1H  Booting `Debian GNU/Linux'\n\r\n\r", 0.1
        )
        await line.expect("Linux version", 1)


@virtual_time
async def test_a_timeout_of_zero_boots_without_a_menu() -> None:
    async with running_demo(grub_timeout=0) as line:
        await line.expect("Linux version", 1)
        assert b"GNU GRUB" not in line.output


@virtual_time
async def test_a_negative_timeout_waits_for_ever_and_draws_nothing_more() -> None:
    async with at_menu(-1) as line:
        assert await line.silence(50_000) == b""


@pytest.mark.parametrize("key", [b"x", b"\x1b", b"\x1b[B", b"\x01", b"\x1b[A"])
@virtual_time
async def test_any_key_stops_the_countdown(key: bytes) -> None:
    async with at_menu(5) as line:
        line.type(key)
        blank = " " * 79
        await line.expect(f"\x1b[22;1H{blank}\x1b[23;1H{blank}\x1b[5;78H", 0.2)
        await line.silence(0.1)
        assert await line.silence(60) == b""


@virtual_time
async def test_a_tick_in_the_middle_of_an_escape_sequence_does_not_tear_it() -> None:
    async with at_menu(5) as line:
        await line.expect("in 3s")
        await trio.sleep(0.98)
        line.type("\x1b")
        await trio.sleep(0.05)
        line.type("[B")
        await line.silence(0.1)
        assert "*" + ADVANCED in screen_of(line)[5]


@virtual_time
async def test_moving_redraws_the_two_entries() -> None:
    async with at_menu() as line:
        line.type("\x1b[B")
        moved = entry(5, DEBIAN, selected=False) + entry(6, ADVANCED, selected=True)
        assert (await line.silence(0.2)).decode() == moved
        line.type("\x1b[B")  # at the end already
        stayed = entry(6, ADVANCED, selected=False) + entry(6, ADVANCED, selected=True)
        assert (await line.silence(0.2)).decode() == stayed


@pytest.mark.parametrize(("down", "up"), [("\x1b[B", "\x1b[A"), ("v", "^"), ("\x0e", "\x10"), ("\x1b[F", "\x1b[H")])
@virtual_time
async def test_every_way_of_moving_works(down: str, up: str) -> None:
    async with at_menu() as line:
        line.type(down)
        await line.silence(0.2)
        assert "*" + ADVANCED in screen_of(line)[5]
        line.type(up)
        await line.silence(0.2)
        assert "*" + DEBIAN in screen_of(line)[4]


@virtual_time
async def test_arrows_of_application_mode_are_function_keys_and_move_nothing() -> None:
    async with at_menu() as line:
        line.type("\x1bOB")
        assert "Advanced" not in (await line.silence(0.5)).decode().replace(entry(6, ADVANCED, selected=False), "")
        assert "*" + DEBIAN in screen_of(line)[4]


@virtual_time
async def test_an_escape_sequence_torn_by_more_than_100_ms_is_the_esc_key_and_letters() -> None:
    async with at_menu() as line:
        line.type("\x0e\r")  # into the submenu
        await line.expect("previous menu")
        line.type("\x1b")
        await trio.sleep(0.15)
        line.type("[B")
        await line.silence(0.3)
        assert "*" + DEBIAN in screen_of(line)[4]
        assert "Advanced" in screen_of(line)[5]


@virtual_time
async def test_the_submenu_has_a_shorter_frame_and_esc_leaves_it() -> None:
    async with at_menu() as line:
        line.type("\x0e\r")
        await line.silence(0.2)
        screen = screen_of(line)
        assert screen[15].strip().startswith("+---")
        assert screen[4].strip().startswith("|*Debian GNU/Linux, with Linux 6.1")
        assert "(recovery mode)" in screen[5]
        line.type("\x1b")
        await line.silence(0.3)
        assert "*" + DEBIAN in screen_of(line)[4]


@virtual_time
async def test_enter_boots_at_once_without_saying_booting() -> None:
    async with at_menu(5) as line:
        line.type("\r")
        await line.expect("Linux version", 1)
        assert b"Booting" not in line.before


@virtual_time
async def test_the_recovery_entry_asks_for_the_root_password() -> None:
    async with at_menu() as line:
        line.type("\x0e\r")
        await line.expect("previous menu")
        line.type("\x0e\r")
        await line.expect("(or press Control-D to continue): ")


@virtual_time
async def test_a_break_and_an_nmi_do_nothing_in_grub() -> None:
    async with at_menu() as line:
        line.send_break()
        assert line.host.on_nmi is None
        assert await line.silence(1) == b""


@virtual_time
async def test_keys_typed_by_hand_are_decoded() -> None:
    terminal = demo_module("grub.serial_terminal").GrubTerminal(tty := FakeTty())
    for data, key in [
        (b"\r", "enter"),
        (b"\n", "enter"),
        (b"\x7f", "backspace"),
        (b"\x1b[3~", "delete"),
        (b"\x1b[5~", "pgup"),
        (b"\x1b[6~", "pgdown"),
        (b"q", "q"),
        (b"\x1b", "esc"),
    ]:
        tty.arrive(data)
        assert await terminal.key() == key
