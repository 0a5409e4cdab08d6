"""Terminal: sizes, characters, time limits and hang-ups of a real shell on COM1."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.access.rig import wait_until
from tests.access.tmux import Terminal
from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import BOOT_S, SILENCE_S, reboot, shows_nothing, wait_booted
from uartsim.blocking import Console
from uartsim.console.console_errors import ExpectTimeout

LONG = "echo " + "0123456789" * 5
#: Empty the line that is being edited, and wait for a new one: Ctrl-U, Ctrl-K, Enter.
LEAVE_LINE = "\x15\x0b\r"


@pytest.mark.scenario("wrong-size")
def test_long_line_is_whole_after_the_shell_is_told_the_size(scene: Scene) -> None:
    console = scene()
    edit_long_line(console)
    assert f"# X{LONG}" not in console.screen.text  # Ctrl-A went to the line above
    console.send(LEAVE_LINE)
    console.resize(24, 80)
    edit_long_line(console)
    assert f"# X{LONG}" in console.screen.text
    console.send(LEAVE_LINE)
    assert console.run("stty size; rm -f /etc/profile.d/size.sh").output == "24 80\n"
    console.sendline("exit")
    console.login("root", "toor")
    edit_long_line(console)
    assert f"# X{LONG}" in console.screen.text


def edit_long_line(console: Console) -> None:
    """Type a line that is longer than 40 columns, and a character at its beginning."""
    console.send(LONG)
    console.wait_for_quiet(1)
    console.send("\x01X")  # Ctrl-A
    console.wait_for_quiet(1)


@pytest.mark.needs("tmux")
@pytest.mark.scenario("wrong-size", guests=("alpine",))
def test_resize_asks_the_terminal_how_large_it_is(
    scenario_guest: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    command = f"{sys.executable} -m uartsim run {scenario_guest} --scenario wrong-size"
    terminal = Terminal(tmp_path, tmp_path_factory.mktemp("r"), command)
    try:
        terminal.expect("leave ", BOOT_S)
        wait_until(lambda: answers_enter(terminal, "alpine:~#"), "a prompt")
        rows, columns = terminal.tmux("display-message", "-p", "#{pane_height} #{pane_width}").split()
        for program, size in (("", "10 40"), ("resize; ", f"{rows} {columns}")):  # BusyBox's: it sends ESC [ 6 n
            terminal.type(f"{program}echo is $(stty size).")
            terminal.keys("Enter")
            terminal.expect(f"is {size}.")
        terminal.type(LONG)
        terminal.keys("C-a")
        terminal.type("X")
        terminal.expect(f"# X{LONG}")
    finally:
        terminal.close()


def answers_enter(terminal: Terminal, prompt: str) -> bool:
    terminal.keys("Enter")
    return prompt in terminal.screen()


@pytest.mark.scenario("utf-8")
def test_characters_of_several_bytes_come_through_whole(scene: Scene) -> None:
    console = scene()
    text = "Grüße, 世界 €"
    assert console.run(f"echo '{text}'").output == f"{text}\n"
    assert console.run(f"cd /tmp; touch '{text}'; ls -N G*").output == f"{text}\n"
    console.type("echo é")
    console.send("\x7f\r")  # a whole character is taken back
    console.expect(r"# ?$")
    assert console.run("echo well").output == "well\n"
    console.sendline("nano text")
    console.wait_for_quiet(1)
    console.type(text)
    console.wait_for_quiet(1)
    assert text in console.screen.text
    for keys in ("\x0f", "\r", "\x18"):  # Ctrl-O, Enter, Ctrl-X
        console.send(keys)
        console.wait_for_quiet(1)
    assert console.run("cat text").output == f"{text}\n"


@pytest.mark.scenario("8-bit")
def test_all_eight_bits_come_through(scene: Scene) -> None:
    console = scene()
    console.sendline("printf 'äöü' | od -An -tx1".encode("latin-1"))
    console.expect("e4 f6 fc")
    console.expect("# ?$")
    assert "printf 'äöü'" in console.raw.decode("latin-1")  # the echo
    console.sendline("export LC_ALL=C.UTF-8; stty iutf8; rm .inputrc; sed -i '/LC_ALL\\|iutf8/d' .profile; exit")
    console.login("root", "toor")
    assert console.run("printf 'äöü'; stty -a | grep -co ' iutf8'").output == "äöü1\n"


@pytest.mark.scenario("7-bit")
def test_getty_with_seven_bits_is_brought_back_to_eight(scene: Scene) -> None:
    console = scene()
    console.line.set_speed(115200)
    console.expect("Linux version")
    wait_booted(console)
    shows_nothing(console)
    prompt = bytes(each | (each.bit_count() % 2) << 7 for each in b"debian login: ")  # each with its parity bit
    assert console.raw.endswith(prompt)
    console.line.set_speed(115200, "7E1")
    console.login("root", "toor")
    assert "\nparenb -parodd -cmspar cs7 " in console.run("stty -a").output
    assert console.run("rm -r /etc/systemd/system/serial-getty@ttyS0.service.d").status == 0
    reboot(console)
    console.line.set_speed(115200)
    console.expect("Linux version")
    console.login("root", "toor")


@pytest.mark.scenario("tmout")
def test_shell_that_logs_idle_people_out_is_told_not_to(scene: Scene) -> None:
    console = scene()
    console.login("root", "toor")
    console.expect("timed out waiting for input: auto-logout")
    console.login("root", "toor")
    assert console.run("unset TMOUT; rm /etc/profile.d/tmout.sh").status == 0
    console.sendline("exit")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=2 * SILENCE_S)
    assert console.run("echo well").output == "well\n"


@pytest.mark.scenario("hang-up")
def test_lost_carrier_logs_out_without_clocal(scene: Scene) -> None:
    console = scene()
    assert "-clocal" in console.run("stty -a; export STILL=here").output
    drop_carrier(console)
    console.expect("login: ?$")
    console.login("root", "toor")
    assert console.run("echo [$STILL]; stty clocal; export STILL=here").output == "[]\n"
    drop_carrier(console)
    assert console.run("echo $STILL").output == "here\n"


def drop_carrier(console: Console) -> None:
    """Let the far end drop DTR, which is the guest's carrier, and raise it again."""
    console.line.set_modem(dtr=False)
    console.wait_for_quiet(1)
    console.line.set_modem(dtr=True)


@pytest.mark.scenario("hang-up-clocal")
def test_lost_carrier_means_nothing_with_clocal(scene: Scene) -> None:
    console = scene()
    assert " clocal" in console.run("stty -a; export STILL=here").output
    drop_carrier(console)
    assert console.run("echo $STILL").output == "here\n"
    console.sendline("exit")
    console.login("root", "toor")
    assert console.run("echo $STILL").output == "\n"


@pytest.mark.scenario("tmout-demo", guests=("demo",))
def test_idle_shell_of_the_scripted_guest_logs_out_after_ten_minutes(scene: Scene) -> None:
    console = scene(clock="virtual")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=598)
    console.expect("timed out waiting for input: auto-logout", timeout=3)
    console.login("root", "toor")
    console.run("rm .bash_profile; echo export TMOUT=60 >> .profile")  # the next shell reads .profile
    console.sendline("exit")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=58)
    console.expect("timed out waiting for input: auto-logout", timeout=3)
    console.login("root", "toor")
    assert console.run("unset TMOUT; rm .profile").status == 0
    console.sendline("exit")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=3600)
    assert console.run("echo well").output == "well\n"
