"""A regression suite as an image's builder would write it: what the console of every image has to do, on each of ours.

The guests begin at their login prompt, from a snapshot that is made once.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.scenarios.ways_out import BOOT_S, shows_nothing
from uartsim.blocking import Console
from uartsim.console.console_errors import LoginFailed

GUESTS = [pytest.param(name, marks=pytest.mark.needs(guest=name)) for name in ("debian-12", "debian-12-uefi", "alpine")]


@pytest.mark.parametrize("guest", GUESTS)
def test_somebody_can_get_in_through_com1(guest: str, uartsim_console_factory: Callable[..., Console]) -> None:
    console = uartsim_console_factory(guest, scenario="reset-to-menu", timeout=BOOT_S, allow=["login.denied"])
    for _ in range(2):  # Enter brings the prompt back
        console.sendline()
        console.expect("login: ?$")
    with pytest.raises(LoginFailed):
        console.login("root", "wrong")
    console.login("root", "toor")
    assert console.run("tty; id -u").output.split() == ["/dev/ttyS0", "0"]
    assert console.run("head -c 20000 /dev/zero | tr '\\0' x").output == "x" * 20000
    console.sysrq("h")
    console.expect(r"sysrq: HELP : loglevel\(0-9\)")
    assert console.run("echo still here").output == "still here\n"
    console.reset()
    console.grub.stop_countdown()
    assert console.grub.entries


@pytest.mark.parametrize("guest", GUESTS)
def test_machine_that_was_paused_goes_on(guest: str, uartsim_console_factory: Callable[..., Console]) -> None:
    console = uartsim_console_factory(guest, scenario="paused", timeout=BOOT_S)
    shows_nothing(console, ".")
    console.resume()
    console.expect("login: ?$")
    console.login("root", "toor")
    assert console.run("echo well").output == "well\n"
