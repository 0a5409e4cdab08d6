"""What a break and a key do to a kernel."""

import pytest

from uartsim.blocking import Console


def logged_in(console: Console) -> None:
    console.login("root", "toor")


pytestmark = pytest.mark.uartsim(guest="linux", restore=logged_in, timeout=120)


def test_help(console: Console) -> None:
    console.sysrq("h")
    console.expect(r"sysrq: HELP : loglevel\(0-9\) reboot\(b\)")


def test_key_that_the_mask_refuses(console: Console) -> None:
    console.sysrq("t")
    console.expect("This sysrq operation is disabled")
    assert console.run("echo 1 > /proc/sys/kernel/sysrq").status == 0
    console.sysrq("t")
    console.expect("sysrq: Show State")


def test_crash_and_the_next_boot(console: Console) -> None:
    console.run("echo 1 > /proc/sys/kernel/sysrq")
    console.sysrq("c")
    console.expect_all(["sysrq: Trigger a crash", "Kernel panic - not syncing: sysrq triggered crash"])
    console.reset()
    console.login("root", "toor")


def test_break_alone_changes_nothing(console: Console) -> None:
    console.send_break()
    assert console.run("echo still here").output == "still here\n"
