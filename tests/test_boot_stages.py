"""Boot stages: each is seen once in a boot, however the output comes in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uartsim import blocking
from uartsim.boot_stages import BOOT_STAGES, BootStages, Reached
from uartsim.console.problems.problem_catalogue import Catalogue

BOOT = (
    b"SeaBIOS (version 1.16.2)\r\n\r\nBooting from Hard Disk...\r\nWelcome to GRUB!\r\n\x1b[H  GNU GRUB  version 2.06\r\n"
    b"[    0.000000] Linux version 6.1.0 (gcc)\r\n[    1.0] Run /init as init process\r\nWelcome to Debian GNU/Linux 12!\r\n"
    b"\r\nDebian GNU/Linux 12 box ttyS0\r\n\r\nbox login: "
)


def names(reached: list[Reached]) -> list[str]:
    return [each.name for each in reached]


def test_the_stages_of_a_boot_in_their_order_and_their_places() -> None:
    stages = BootStages()
    stages.feed(b"noise\r\n", 0.5)
    reached = stages.feed(BOOT, 1.0)
    assert names(reached) == list(BOOT_STAGES)
    signs = {each.name: BOOT[each.place - 7 : each.end - 7] for each in reached}
    assert (signs["firmware"], signs["login"]) == (b"SeaBIOS (version", b"box login: ")


@given(cuts=st.lists(st.integers(1, 40), max_size=60))
def test_a_sign_that_comes_in_pieces_is_seen(cuts: list[int]) -> None:
    stages, rest, seen = BootStages(), BOOT, []
    for number, cut in enumerate([*cuts, len(BOOT)]):
        piece, rest = rest[:cut], rest[cut:]
        seen += names(stages.feed(piece, float(number)))
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
    assert names(stages.feed(b"SeaBIOS (version 1.16.2)\r\n", 20.0)) == ["firmware"]
    assert names(stages.feed(b"Welcome to GRUB!\r\n", 21.5)) == ["loader"]
    assert [boot.since_beginning() for boot in stages.boots][1] == {"firmware": 0.0, "loader": 1.5}
    assert stages.boots[0].since_beginning()["login"] == 1.0


@pytest.mark.parametrize(
    "end",
    [
        b"[   90.1] reboot: Restarting system\r\n",
        b"[   90.1] Rebooting in 10 seconds..\r\n",
        b"[   90.1] sysrq: Resetting\r\n",
    ],
)
def test_behind_a_kernels_last_words_a_kernel_begins_another_boot(end: bytes) -> None:
    stages = BootStages()
    stages.feed(BOOT, 1.0)
    assert stages.feed(end, 90.0) == []
    assert names(stages.feed(b"[    0.000000] Linux version 6.1\r\n", 91.0)) == ["kernel"]
    assert [boot.began for boot in stages.boots] == [0.0, 91.0]


def test_the_catalogue_of_problems_knows_no_sign_that_is_not_one_of_a_stage() -> None:
    for mark in Catalogue.standard().marks:
        for example in mark.examples:
            reached = names(BootStages().feed(b"\n" + example.encode() + b"\n", 1.0))
            stages = {"userspace": ["init", "login"], "loader": ["loader", "menu"]}.get(mark.stage, [mark.stage])
            assert set(reached) & set(stages), example


def test_a_reset_begins_another_boot_at_once() -> None:
    stages = BootStages()
    stages.restart(1.0)
    assert len(stages.boots) == 1  # nothing had come yet
    stages.feed(b"[    0.000000] Linux version 6.1\r\n", 3.0)
    stages.restart(5.0)
    assert names(stages.feed(b"[    0.000000] Linux version 6.1\r\n", 6.0)) == ["kernel"]
    assert stages.boot.since_beginning() == {"kernel": 1.0}


def test_one_loader_that_starts_another_is_one_boot() -> None:
    stages = BootStages()
    reached = stages.feed(b"BdsDxe: starting Boot0001\r\nWelcome to GRUB!\r\n GNU GRUB  version 2\r\n", 1.0)
    assert names(reached) == ["loader", "menu"]
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
