"""tools/provision.py: what this machine lacks, and apt-get while another one runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tools import check_page, provision
from tools.provision import Requirement


@pytest.fixture
def apt_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An apt-get that finds the lists locked the first two times; a log of its calls stands beside it."""
    program = tmp_path / "apt-get"
    program.write_text(
        f"""#!/bin/sh
echo "$*" >>{tmp_path}/calls
if [ "$(wc -l <{tmp_path}/calls)" -le 2 ]; then
    echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt-get)" >&2
    exit 100
fi
case "$*" in *no-such-package*) echo "E: Unable to locate package no-such-package" >&2; exit 100;; esac
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(provision, "LOOK_AGAIN_S", 0.01)
    return tmp_path / "calls"


def test_another_apt_get_that_runs_is_waited_for(apt_get: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert provision.install([Requirement("/no/such/file", "some-package", "a test")])
    calls = apt_get.read_text().splitlines()
    assert [call.split()[2] for call in calls] == ["update", "update", "update", "install"]
    assert all("DPkg::Lock::Timeout=300" in call for call in calls)
    assert calls[-1].endswith("some-package")
    out, err = capfd.readouterr()
    assert out.count("another apt-get is running: waiting for it") == 2
    assert "Could not get lock" in err


def test_another_failure_is_not_tried_again(apt_get: Path) -> None:
    apt_get.write_text("1\n2\n")
    assert not provision.install([Requirement("/no/such/file", "no-such-package", "a test")])
    assert len(apt_get.read_text().splitlines()) == 4


def test_a_lock_that_is_held_for_ever_is_given_up(apt_get: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "LOCK_TIMEOUT_S", 0)
    assert not provision.install([Requirement("/no/such/file", "some-package", "a test")])


def test_the_package_behind_each_name_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    missing = [Requirement("/no/one", "package", "one"), Requirement("/no/two", "package", "two")]
    assert provision.missing_requirements([*missing, Requirement("sh", "dash", "a shell")]) == missing
    assert provision.install_command(missing)[-1:] == ["package"]


@pytest.mark.parametrize(("strict", "status"), [("", 0), ("1", 1)])
def test_a_page_that_cannot_be_checked_is_told_with_the_remedy(
    strict: str, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("UARTSIM_STRICT", strict)
    wanted = (Requirement("/no/npm", "npm", "the portal page"), Requirement("/no/other", "other", "something else"))
    monkeypatch.setattr(check_page, "REQUIREMENTS", wanted)
    assert check_page.main() == status
    said = capsys.readouterr().out
    assert "check_page: not checked: /no/npm missing here." in said
    assert "apt-get install --yes --no-install-recommends npm\n" in said
