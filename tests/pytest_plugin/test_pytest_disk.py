"""A test on a disk image that fails keeps what its guest has written, and says where; one that passes leaves nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.images.small_disk import small_disk
from uartsim.blocking import open_console

pytestmark = pytest.mark.needs("qemu-img", "qemu-system-x86_64", "/usr/share/seabios/bios-256k.bin")

TESTS = """
    import pytest

    pytestmark = pytest.mark.uartsim(guest={disk!r}, memory=32, timeout=60)

    def test_passes(console):
        console.expect("hello from the disk, 0")

    def test_fails(console):
        console.expect("hello from the disk, 0")
        console.send("w")
        console.expect("written")
        assert False
"""


def test_failed_test_keeps_its_disk_and_one_that_passes_does_not(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = pytester.path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    disk = small_disk(pytester.path / "disk.img")
    before = disk.read_bytes()
    pytester.makepyfile(test_disk=TESTS.format(disk=str(disk)))
    result = pytester.runpytest_subprocess("-p", "uartsim.pytest_plugin")
    result.assert_outcomes(passed=1, failed=1)
    said = re.search(
        r"-+ uartsim disk: disk -+\nthe guest's disk is kept: boot it again with 'uartsim run (.*?)'",
        result.stdout.str(),
    )
    assert said is not None
    kept = Path(said[1])
    assert [path.name for path in (state / "uartsim" / "overlays").glob("[!.]*")] == [kept.parent.name]
    with open_console(str(kept), memory=32) as console:
        console.expect("hello from the disk, 1")
    assert disk.read_bytes() == before
