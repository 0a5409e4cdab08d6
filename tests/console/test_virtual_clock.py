"""The virtual clock of blocking consoles: time passes while a call waits, and at no other moment."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio
import trio.testing

import uartsim
from tests.console.fakes import write_guest
from tests.machine.rig import FunctionGuest
from tests.patience import patience
from uartsim import blocking
from uartsim.console.console_errors import ExpectTimeout
from uartsim.machine import open_machine

ROOT = Path(__file__).resolve().parents[2]

#: A guest that says each second how many have gone.
TICKING = 'n = 0\nwhile True:\n    await tty.write(b"<%d>" % n)\n    await trio.sleep(1)\n    n += 1'


@pytest.fixture
def ticking(tmp_path: Path) -> Path:
    return write_guest(tmp_path / "ticking", TICKING)


def process_guest(folder: Path) -> Path:
    folder.mkdir()
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "for a test"\n[process]\ncommand = ["/bin/cat"]\n'
    )
    return folder


def test_grub_waits_while_the_test_thinks_and_the_boot_takes_no_time() -> None:
    with blocking.open_console("demo", clock="virtual") as console:
        console.expect_exact("in 5s")
        sent = len(console.raw)
        time.sleep(0.3)
        assert len(console.raw) == sent
        # a second, less 0.16 s that GRUB's screen takes on the line
        assert 0.8 < console.expect_exact("in 4s").elapsed < 0.9
        time.sleep(0.3)
        console.send("\r")
        begin = time.process_time()
        console.login(timeout=100)
        # 0.4 s where nothing else runs; 2.9 s by its own clock
        assert time.process_time() - begin < 1
        assert console.text.count("in 3s") == 0


def test_time_stands_still_between_calls(ticking: Path) -> None:
    with blocking.open_console(ticking, clock="virtual") as console:
        console.expect_exact("<0>")
        for number in range(1, 20):
            time.sleep(0.01)
            console.sendline("what is typed takes no time")
            assert 0.999 < console.expect_exact(f"<{number}>").elapsed < 1.001


def test_a_time_out_passes_at_once_and_is_the_guests_time(ticking: Path) -> None:
    with blocking.open_console(ticking, clock="virtual") as console:
        console.expect_exact("<0>")
        begin = time.monotonic()
        with pytest.raises(ExpectTimeout, match="within 1000 s"):
            console.expect("never", timeout=1000)
        assert time.monotonic() - begin < 20
        assert console.text.endswith("<999>") or console.text.endswith("<1000>")


def test_a_wait_on_one_console_lets_time_pass_for_all_with_that_clock_and_no_other(ticking: Path) -> None:
    with (
        blocking.open_console(ticking, clock="virtual") as one,
        blocking.open_console(ticking, clock="virtual") as two,
        blocking.open_console(ticking) as real,
    ):
        one.expect_exact("<50>", timeout=100)
        assert two.expect_exact("<40>").elapsed == 0
        assert "<30>" not in real.text
        real.expect_exact("<0>")
        assert "<60>" not in one.text


@pytest.mark.parametrize("kind", ["process", "qemu"])
def test_a_guest_that_lives_in_real_time_is_refused_in_a_sentence(kind: str) -> None:
    async def main() -> None:
        guest = FunctionGuest()
        guest.kind = kind
        with pytest.raises(uartsim.UsageError, match=f"box is a guest of kind {kind} and lives in real time"):
            async with open_machine(guest, "box"):
                raise AssertionError("it was started")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_refusal_reaches_blocking_and_async_code_as_it_is(tmp_path: Path) -> None:
    folder = process_guest(tmp_path / "cat")
    with (
        pytest.raises(uartsim.UsageError, match=r"^cat is a guest of kind process .* use the real clock$"),
        blocking.open_console(folder, clock="virtual"),
    ):
        raise AssertionError("it was started")

    async def main() -> None:
        with pytest.raises(uartsim.UsageError, match="lives in real time"):
            async with uartsim.open_console(folder):
                raise AssertionError("it was started")

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_a_clock_that_does_not_exist_is_refused(ticking: Path) -> None:
    with (
        pytest.raises(uartsim.UsageError, match="clock is 'mock': use 'real' or 'virtual'"),
        blocking.open_console(ticking, clock="mock"),
    ):
        raise AssertionError("it was started")


def test_a_process_that_leaves_a_virtual_console_open_lets_its_guest_finish(tmp_path: Path) -> None:
    off = tmp_path / "off"
    guest = write_guest(
        tmp_path / "left",
        'try:\n    await tty.write(b"up")\n    await trio.sleep_forever()\n'
        "finally:\n    with trio.CancelScope(shield=True):\n        await trio.sleep(60)\n"
        f'    open({str(off)!r}, "w").close()',
    )
    code = (
        "from uartsim import blocking\n"
        f"keep = blocking.open_console({str(guest)!r}, clock='virtual')\n"
        "console = keep.__enter__()\nconsole.expect('up')\nprint('left')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=patience(60))
    assert (done.returncode, done.stdout, done.stderr) == (0, "left\n", "")
    assert off.exists()
