"""The whole way: the console, the line, the chip, and the catalogue's guests behind them."""

from __future__ import annotations

import pytest
import trio
import trio.testing

import uartsim
from tests.patience import patience
from uartsim import blocking

#: The demo without the waits that are only for the eye.
QUICK = {"grub_timeout": 0, "time_scale": 0.0}


def test_demo_is_logged_in_to_and_answers() -> None:
    async def main() -> None:
        async with uartsim.open_console("demo", settings=QUICK) as console:
            await console.login()
            await console.sendline("uname")
            assert (await console.expect_exact("# ")).before.startswith("uname\nLinux\n")
            assert console.raw.count(b"\r\n") > 10

    trio.run(main)


def test_demo_boots_and_is_logged_in_to_in_virtual_time() -> None:
    async def main() -> None:
        async with uartsim.open_console("demo") as console:
            await console.expect_exact("GNU GRUB", timeout=10)
            await console.login(timeout=60)

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_demo_refuses_a_wrong_password_and_takes_the_right_one_after() -> None:
    with blocking.open_console("demo", settings=QUICK) as console:
        with pytest.raises(uartsim.LoginFailed, match="Login incorrect"):
            console.login(password="wrong")
        console.login()
        console.login()
        console.sendline("echo $?")
        console.expect("^0$")


def test_demo_takes_a_break_and_a_key_for_sysrq() -> None:
    with blocking.open_console("demo", settings=QUICK) as console:
        console.login()
        console.sysrq("h")
        console.expect_exact("HELP")
        console.sysrq("c")
        console.expect_exact("This sysrq operation is disabled.")


def test_demo_restarts_by_its_button_and_ends_by_its_own_wish() -> None:
    with blocking.open_console("demo", settings=QUICK) as console:
        console.login()
        console.reset()
        console.expect("Linux version")
        console.login()
        console.sendline("poweroff")
        with pytest.raises(uartsim.GuestEnded, match="powered off"):
            console.expect_exact("never to come")


@pytest.mark.needs(guest="agetty")
def test_agetty_is_logged_in_to() -> None:
    with blocking.open_console("agetty") as console:
        with pytest.raises(uartsim.LoginFailed):
            console.login(password="wrong")
        console.login()
        console.sendline("echo $((6 * 7))")
        console.expect("^42$")


@pytest.mark.needs(guest="linux")
def test_linux_in_qemu_is_logged_in_to_and_gives_sysrq_help() -> None:
    with blocking.open_console("linux", timeout=patience(120)) as console:
        console.login()
        console.sysrq("h")
        console.expect(r"sysrq: HELP : loglevel\(0-9\)")
        console.sendline("echo $((6 * 7))")
        console.expect("^42$")


def test_files_go_to_the_demo_and_come_back() -> None:
    data = bytes(range(256)) * 70
    with blocking.open_console("demo", settings=QUICK, clock="virtual", timeout=120) as console:
        console.login()
        console.put_file(data, "/tmp/tool")
        assert console.run("wc -c </tmp/tool").output.split() == [str(len(data))]
        assert console.get_file("/tmp/tool") == data
        assert console.run("ls /tmp/tool*").output == "/tmp/tool\n"
