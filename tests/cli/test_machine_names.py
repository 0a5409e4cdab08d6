"""Which machine a command means."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.access.rig import make_guest_folder, running, uartsim


def test_the_name_can_be_left_out_where_one_machine_runs(runtime: Path, tmp_path: Path) -> None:
    quiet = "import trio\nasync def main(host):\n    host.tty.open()\n    await trio.sleep_forever()\n"
    folder = make_guest_folder(tmp_path / "guest", quiet)
    with running(runtime, folder, "one"):
        assert uartsim(runtime, "status").stdout.startswith("machine    one")
        for arguments in (
            ["break"],
            ["nmi"],
            ["reset"],
            ["modem"],
            ["history"],
            ["fault"],
            ["fault", "noise:rate=0.1"],
        ):
            uartsim(runtime, *arguments)
        assert uartsim(runtime, "fault", "--clear").stdout == "1 ended\n"
        with running(runtime, folder, "h"):
            for arguments in (["status"], ["break"], ["sysrq", "b"], ["fault", "noise:rate=0.1"], ["stop"]):
                said = uartsim(runtime, *arguments, status=2).stderr
                assert "several machines are running: h, one; say which" in said
            uartsim(runtime, "stop", "h")
        uartsim(runtime, "stop")
    assert os.listdir(runtime) == []


@pytest.mark.parametrize("order", [["h", "box"], ["box", "h"], ["h"]])
def test_sysrq_takes_the_name_on_either_side_of_the_key(runtime: Path, tmp_path: Path, order: list[str]) -> None:
    source = """
        async def main(host):
            host.tty.open()
            while True:
                data, flag = await host.tty.receive()
                await host.tty.write(b"<%s>" % flag.value.encode() + data.strip(b"\\0"))
    """
    with running(runtime, make_guest_folder(tmp_path / "guest", source)):
        assert uartsim(runtime, "sysrq", *order).stdout == "<break><normal>h\n"
