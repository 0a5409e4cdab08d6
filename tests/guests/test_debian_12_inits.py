"""The guests debian-12-sysvinit and debian-12-openrc: a getty on the console from a line of /etc/inittab."""

from __future__ import annotations

import pytest

from tests.patience import SCALE
from uartsim import blocking

#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 600.0
GETTY = "S0:12345:respawn:/sbin/agetty -L 115200 console vt102"


@pytest.mark.images
@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        pytest.param("debian-12-sysvinit", "runlevel", "N 2", marks=pytest.mark.needs(guest="debian-12-sysvinit")),
        pytest.param(
            "debian-12-openrc", "rc-status --runlevel", "default", marks=pytest.mark.needs(guest="debian-12-openrc")
        ),
    ],
)
def test_a_login_from_inittab_is_answered(name: str, question: str, answer: str) -> None:
    with blocking.open_console(name, registers=True, timeout=BOOT_S, timeout_scale=SCALE) as console:
        console.grub.wait_for_menu()
        console.grub.boot()
        console.login("root", "toor")
        assert len(console.run("cat /proc/sys/kernel/random/boot_id").output.strip()) == 36
        assert console.run("cat /proc/1/comm").output.strip() == "init"
        assert GETTY in console.run("cat /etc/inittab").output
        assert console.run(question).output.strip() == answer
        assert console.counters["overruns"] == 0
