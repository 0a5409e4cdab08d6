"""A console's machine is saved and goes back: guest, chip, line and console together."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from uartsim import blocking
from uartsim.console.blocking_console import Console
from uartsim.console.console_errors import ExpectTimeout
from uartsim.console.console_state import ConsoleState
from uartsim.console.snapshots import Checkpoint
from uartsim.errors import UartsimError, UsageError

pytestmark = pytest.mark.needs(guest="linux")

#: How often a test goes back in a row.
TIMES = 25


@pytest.fixture(scope="module")
def machine() -> Iterator[tuple[Console, Checkpoint]]:
    with blocking.open_console("linux", timeout=60, registers=True, settings={"sysrq": 1}) as console:
        console.login()
        console.run("here=kept; cd /tmp; echo kept >file")
        yield console, console.snapshots.checkpoint()


@pytest.fixture
def console(machine: tuple[Console, Checkpoint]) -> Console:
    """A console of a machine that is as it was."""
    console, checkpoint = machine
    console.snapshots.restore(checkpoint)
    return console


def test_nothing_of_the_time_since_is_left(machine: tuple[Console, Checkpoint], console: Console) -> None:
    text, screen, registers = console.text, str(console.screen), console.line.status["registers"]
    scratch = console.run("echo $here; here=lost; echo lost >file; touch more; ls -1; stty -echo")
    assert scratch.output == "kept\nfile\nmore\n"
    console.line.add_fault("noise:rate=1e-3,seed=7")
    console.line.set_modem(dtr=False)
    console.stimuli.printk_storm(every=100)
    console.snapshots.restore(machine[1])
    assert (console.text, str(console.screen)) == (text, screen)
    assert console.line.status["registers"] == registers
    assert console.line.faults == []
    assert console.line.modem["dsr"]
    result = console.run("echo $here; cat file; ls -1; stty -a")
    assert result.output.startswith("kept\nkept\nfile\n")
    assert " echo " in result.output


def test_a_command_is_answered_at_once_and_without_questions(
    machine: tuple[Console, Checkpoint], console: Console
) -> None:
    before = console.counters["bytes_in"]
    assert console.run("echo $here").output == "kept\n"
    assert console.counters["bytes_in"] - before < 200  # one line was typed


def test_output_and_input_that_were_under_way_are_taken_back(
    machine: tuple[Console, Checkpoint], console: Console
) -> None:
    console.sendline("seq 100000")
    console.expect("\n1000\n")
    console.send("echo typed into the flood\r" * 10)
    console.snapshots.restore(machine[1])
    assert "1000" not in console.unread
    assert console.run("seq 3").output == "1\n2\n3\n"
    with pytest.raises(ExpectTimeout):
        console.expect("typed into the flood", timeout=1)


def test_output_across_a_checkpoint_is_exact(machine: tuple[Console, Checkpoint], console: Console) -> None:
    console.sendline("seq 3000; echo do''ne")
    console.expect("\n500\n")
    flood = console.snapshots.checkpoint()
    for _ in range(2):
        console.expect("\ndone\n")
        wanted = "".join(f"{number}\n" for number in range(1, 3001))
        assert wanted in console.text
        console.snapshots.restore(flood)


def test_going_back_again_and_again_leaves_nothing(machine: tuple[Console, Checkpoint], console: Console) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    for number in range(TIMES):
        assert console.run("cat /proc/sys/kernel/random/uuid >>file; wc -l <file").output == "2\n", number
        console.snapshots.restore(machine[1])
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_the_guests_clock_goes_back_with_it(machine: tuple[Console, Checkpoint], console: Console) -> None:
    first = float(console.run("cut -d' ' -f1 /proc/uptime").output)
    console.wait_for_quiet(1.5)
    console.snapshots.restore(machine[1])
    assert abs(float(console.run("cut -d' ' -f1 /proc/uptime").output) - first) < 1
    assert not [line for line in console.kernel_lines if "clocksource: timekeeping" in line.text]


def test_a_panic_is_taken_back(machine: tuple[Console, Checkpoint], console: Console) -> None:
    console.sysrq("c")
    console.expect("Kernel panic")
    console.snapshots.restore(machine[1])
    assert console.problems == []
    assert console.run("echo $here").output == "kept\n"


def test_a_new_process_has_guest_and_console_as_they_were(
    machine: tuple[Console, Checkpoint], console: Console, tmp_path: Path
) -> None:
    console.snapshots.save(tmp_path / "saved")
    text, screen = console.text, str(console.screen)
    with blocking.open_console("linux", timeout=60, settings={"sysrq": 1}, restore=tmp_path / "saved") as other:
        assert (other.text, str(other.screen)) == (text, screen)
        result = other.run("echo $here; cat file")
        assert result.output == "kept\nkept\n"
        with pytest.raises(UartsimError, match="of another run of the guest"):
            other.snapshots.restore(machine[1])
    assert console.run("echo $here").output == "kept\n"


def test_what_is_not_a_checkpoint_is_refused(console: Console) -> None:
    with pytest.raises(UsageError, match=r"give what snapshots\.checkpoint"):
        console.snapshots.restore("logged-in")  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", [{}, {"pieces": 3}, {"boot_at": 99}, {"rows": "x"}, {"prompts": None}])
def test_a_damaged_state_of_a_console_is_refused(console: Console, damage: dict[str, object], machine: object) -> None:
    good = {"pieces": [[1.0, "text"]], "opened_ago_s": 2, "boot_at": 0, "unread": 0, "rows": 24, "columns": 80}
    good |= {"at_prompt": False, "prompts": {"prompts": [], "shell": None}}
    assert ConsoleState.read(good).content() == good
    with pytest.raises(UsageError, match="is damaged"):
        ConsoleState.read({**good, **damage} if damage else {})


def test_a_script_has_no_snapshots() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        for act in (lambda: console.snapshots.save("nowhere"), console.snapshots.checkpoint):
            with pytest.raises(UsageError, match=r"kind script has no snapshots.*clock='virtual'"):
                act()
