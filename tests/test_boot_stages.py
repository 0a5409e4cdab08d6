"""Boot stages: each is seen once in a boot, however the output comes in pieces."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from uartsim import blocking
from uartsim.boot_stages import BOOT_STAGES, BootStages

BOOT = (
    b"SeaBIOS (version 1.16.2)\r\n\r\nBooting from Hard Disk...\r\nWelcome to GRUB!\r\n\x1b[H  GNU GRUB  version 2.06\r\n"
    b"[    0.000000] Linux version 6.1.0 (gcc)\r\n[    1.0] Run /init as init process\r\nWelcome to Debian GNU/Linux 12!\r\n"
    b"\r\nDebian GNU/Linux 12 box ttyS0\r\n\r\nbox login: "
)


def test_the_stages_of_a_boot_in_their_order() -> None:
    assert BootStages().feed(BOOT, 1.0) == list(BOOT_STAGES)


@given(cuts=st.lists(st.integers(1, 40), max_size=60))
def test_a_sign_that_comes_in_pieces_is_seen(cuts: list[int]) -> None:
    stages, rest, seen = BootStages(), BOOT, []
    for number, cut in enumerate([*cuts, len(BOOT)]):
        piece, rest = rest[:cut], rest[cut:]
        seen += stages.feed(piece, float(number))
    assert seen == list(BOOT_STAGES)
    times = list(stages.boot.stages.values())
    assert times == sorted(times)


def test_what_is_read_again_is_not_another_boot() -> None:
    stages = BootStages()
    stages.feed(BOOT, 1.0)
    assert stages.feed(b"root\r\nLast login: Sun\r\n# dmesg\r\n[    0.000000] Linux version 6.1.0\r\n", 2.0) == []
    assert stages.feed(b"# cat /proc/version\r\nLinux version 6.1.0\r\nbox login: ", 3.0) == []
    assert len(stages.boots) == 1


def test_a_guest_that_starts_again_begins_another_boot() -> None:
    stages = BootStages(10.0)
    stages.feed(BOOT, 11.0)
    assert stages.feed(b"SeaBIOS (version 1.16.2)\r\n", 20.0) == ["firmware"]
    assert stages.feed(b"Welcome to GRUB!\r\n", 21.5) == ["loader"]
    assert [boot.since_beginning() for boot in stages.boots][1] == {"firmware": 0.0, "loader": 1.5}
    assert stages.boots[0].since_beginning()["login"] == 1.0


def test_a_reset_begins_another_boot_at_once() -> None:
    stages = BootStages()
    stages.restart(1.0)
    assert len(stages.boots) == 1  # nothing had come yet
    stages.feed(b"[    0.000000] Linux version 6.1\r\n", 3.0)
    stages.restart(5.0)
    assert stages.feed(b"[    0.000000] Linux version 6.1\r\n", 6.0) == ["kernel"]
    assert stages.boot.since_beginning() == {"kernel": 1.0}


def test_one_loader_that_starts_another_is_one_boot() -> None:
    stages = BootStages()
    assert stages.feed(b"BdsDxe: starting Boot0001\r\nWelcome to GRUB!\r\n GNU GRUB  version 2\r\n", 1.0) == [
        "loader",
        "menu",
    ]
    assert stages.feed(b"BdsDxe: starting Boot0002\r\n", 2.0) == []
    assert len(stages.boots) == 1


def test_a_console_knows_its_stages() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.expect("login: ")
        stages = console.stages
        assert tuple(stages) == BOOT_STAGES
        assert stages["menu"] < 1 < 5 < stages["kernel"] < stages["login"] < 15
        console.reset()
        console.expect("GNU GRUB")
        assert list(console.stages) == ["firmware", "loader", "menu"]
        assert console.stages["menu"] < 2
