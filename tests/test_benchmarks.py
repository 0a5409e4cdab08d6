"""What the benchmarks compare is measured under the same conditions on both sides."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import rig


@pytest.mark.parametrize("told", ["PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONOPTIMIZE"])
def test_what_is_measured_uses_byte_code_whatever_we_were_told(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(told, "1")
    (tmp_path / "imported.py").write_text("")
    environment = {**rig.environment(str(tmp_path)), "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-c", "import imported"], env=environment, check=True, cwd=tmp_path)
    assert list(tmp_path.glob(f"__pycache__/imported.{sys.implementation.cache_tag}.pyc"))


def test_byte_code_is_there_before_a_start_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    for name in ("uartsim", "guests", "benchmarks"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "module.py").write_text("")
    monkeypatch.setattr(rig, "ROOT", tmp_path)
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "guests"))
    rig.compile_all()
    for name in ("uartsim", "guests", "benchmarks"):
        assert os.listdir(tmp_path / name / "__pycache__") == [f"module.{sys.implementation.cache_tag}.pyc"]


@pytest.mark.needs("socat")
@pytest.mark.parametrize("machine", [rig.socat_machine, rig.uartsim_machine])
def test_the_guest_is_the_same_program_on_both_sides(machine: object) -> None:
    enter = machine("echo") if machine is rig.socat_machine else rig.uartsim_machine("echo_process")
    with enter as (link, _), rig.open_raw(link, program=True) as fd:
        os.write(fd, b"k\r\n\x03\x00")
        heard = b""
        while len(heard) < 5:
            heard += os.read(fd, 16)
    assert heard == b"k\r\n\x03\x00"
