"""Terminal: sizes, characters, time limits, hang-ups."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import AppendText, WriteText
from uartsim.scenarios.scenario import Scenario
from uartsim.scenarios.systemd_units import serial_getty

_DEBIAN: Final = frozenset({"disk", "grub", "systemd"})

SCENARIOS: Final = (
    Scenario(
        name="wrong-size",
        group="terminal",
        summary="the shell believes in another size of the terminal",
        cause="/etc/profile.d/size.sh says stty rows 10 cols 40, the size of a small window that somebody once had.",
        shown="A long command that is edited is drawn over the lines above it, as if the terminal had 40 columns.",
        way_out="The shell is told the size: resize of xterm or BusyBox, which asks the terminal; 'fit' on the portal's page; "
        "console.resize(24, 80) in a test. The file is removed.",
        test="test_long_line_is_whole_after_the_shell_is_told_the_size",
        needs=frozenset({"disk", "grub"}),
        concerns=frozenset({"terminal-size"}),
        start="shell",
        image=(WriteText("/etc/profile.d/size.sh", "stty rows 10 cols 40\n"),),
    ),
    Scenario(
        name="utf-8",
        group="terminal",
        summary="a session in UTF-8",
        cause="root's .profile says LANG=C.UTF-8.",
        shown="Characters of several bytes, as they were typed.",
        way_out="Nothing: they come through whole both ways, in the shell, in a file's name and in nano.",
        test="test_characters_of_several_bytes_come_through_whole",
        needs=_DEBIAN,
        concerns=frozenset({"profile"}),
        start="shell",
        image=(AppendText("/root/.profile", "export LANG=C.UTF-8\n"),),
    ),
    Scenario(
        name="8-bit",
        group="terminal",
        summary="a session in which a character is a byte, such as Latin-1",
        cause="root's .profile says LC_ALL=C and stty -iutf8 cs8 -parenb -istrip, and .inputrc takes characters of 8 bits.",
        shown="Bytes above 0x7F, as they were sent: a terminal has to decode them as Latin-1.",
        way_out="Nothing: all eight bits come through both ways; LC_ALL=C.UTF-8 and stty iutf8 bring UTF-8 back.",
        test="test_all_eight_bits_come_through",
        needs=_DEBIAN,
        concerns=frozenset({"profile"}),
        start="shell",
        image=(
            AppendText("/root/.profile", "export LC_ALL=C\nstty -iutf8 cs8 -parenb -istrip\n"),
            WriteText("/root/.inputrc", "set input-meta on\nset output-meta on\nset convert-meta off\n"),
        ),
    ),
    Scenario(
        name="7-bit",
        group="terminal",
        summary="a getty with seven bits and even parity, for a terminal with eight",
        cause="A drop-in file of serial-getty@ttyS0.service says stty cs7 parenb before agetty --noreset.",
        shown="In place of the login prompt text in which every other letter is garbage: those whose parity bit is 1.",
        way_out="The terminal is set to 7E1 for once; the drop-in file is removed; reboot.",
        test="test_getty_with_seven_bits_is_brought_back_to_eight",
        needs=_DEBIAN,
        concerns=frozenset({"getty"}),
        image=(
            serial_getty(
                "seven-bits",
                "/bin/sh -c 'stty -F /dev/ttyS0 cs7 parenb -parodd && exec agetty --noreset 115200 ttyS0 vt220'",
            ),
        ),
    ),
    Scenario(
        name="tmout",
        group="terminal",
        summary="the shell logs idle people out",
        cause="/etc/profile.d/tmout.sh says TMOUT=5.",
        shown='"timed out waiting for input: auto-logout" after 5 s, and a login prompt.',
        way_out="Somebody logs in, unset TMOUT, and the file is removed.",
        test="test_shell_that_logs_idle_people_out_is_told_not_to",
        needs=_DEBIAN,
        concerns=frozenset({"tmout"}),
        start="login",
        image=(WriteText("/etc/profile.d/tmout.sh", "export TMOUT=5\n"),),
    ),
    Scenario(
        name="tmout-demo",
        group="terminal",
        summary="the shell of a scripted guest logs idle people out after 10 minutes",
        cause="The scripted guest, which plays its own part, has TMOUT=600 in root's .bash_profile.",
        shown='"timed out waiting for input: auto-logout" after 600 s, and a login prompt.',
        way_out="Somebody logs in, unset TMOUT, and the file that sets it is removed.",
        test="test_idle_shell_of_the_scripted_guest_logs_out_after_ten_minutes",
        needs=frozenset({"demo"}),
        concerns=frozenset({"tmout"}),
        settings={"tmout": "600"},
    ),
    Scenario(
        name="hang-up",
        group="terminal",
        summary="a lost carrier logs out",
        cause="root's .profile says stty -clocal, so that the tty honours the carrier.",
        shown="After the far end has dropped DTR and raised it, a login prompt in place of the shell.",
        way_out="Somebody logs in again; after stty clocal a lost carrier means nothing.",
        test="test_lost_carrier_logs_out_without_clocal",
        needs=_DEBIAN,
        concerns=frozenset({"profile", "getty"}),
        start="shell",
        image=(AppendText("/root/.profile", "stty -clocal\n"),),
    ),
    Scenario(
        name="hang-up-clocal",
        group="terminal",
        summary="a lost carrier means nothing",
        cause="The tty has CLOCAL, as every Linux console has it by default.",
        shown="The same shell, after the far end has dropped DTR and raised it: whoever comes next is logged in.",
        way_out="The shell is left with exit, before the line is.",
        test="test_lost_carrier_means_nothing_with_clocal",
        needs=_DEBIAN,
        concerns=frozenset({"getty"}),
        start="shell",
    ),
)
