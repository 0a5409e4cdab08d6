"""The folders of sessions: what uartsim made in them goes when it is old, and what is anybody else's stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import PLUGIN

Run = Callable[..., pytest.RunResult]
FAILS = "def test_it(console): assert 0"
ARTIFACTS = ("--uartsim-guest=talker", "--uartsim-artifacts=art", "--uartsim-artifacts-runs=1")


def as_old(folder: Path, number: int) -> Path:
    """Give the one session of a folder that is not old yet a name of long ago."""
    (session,) = (path for path in folder.iterdir() if path.is_dir() and path.name > "2021")
    return session.rename(folder / f"2020010{number}T000000-1")


def test_old_sessions_go_and_what_uartsim_did_not_make_stays(run_tests: Run, talkers: pytest.Pytester) -> None:
    folder = talkers.path / "art"
    sessions = []
    for number in range(1, 5):
        run_tests(FAILS, *ARTIFACTS[:2]).assert_outcomes(failed=1)
        sessions.append(as_old(folder, number))
    beside, within, at_test, plain = sessions
    beside.joinpath("notes.txt").write_text("mine")
    within.joinpath("test_it.py-test_it", "notes.txt").write_text("mine")
    at_test.joinpath("mine").mkdir()
    at_test.joinpath("mine", "talker.log").write_text("mine")
    thesis = folder / "20200101T000000-2"
    thesis.mkdir()
    thesis.joinpath("thesis.log").write_text("mine")
    linked = talkers.mkdir("linked")
    linked.joinpath("talker.log").write_text("mine")
    folder.joinpath("20200101T000000-3").symlink_to(linked)
    at_test.joinpath("other").symlink_to(linked)
    run_tests(FAILS, *ARTIFACTS).assert_outcomes(failed=1)
    assert not plain.exists()
    left = {
        str(path.relative_to(talkers.path))
        for top in (folder, linked)
        for path in top.rglob("*")
        if (path.is_symlink() or not path.is_dir())
        and path.name != ".uartsim"
        and path.relative_to(folder.parent).parts[1] < "2021"
    }
    assert left == {
        f"art/{beside.name}/notes.txt",
        f"art/{within.name}/test_it.py-test_it/notes.txt",
        f"art/{at_test.name}/mine/talker.log",
        f"art/{at_test.name}/other",
        "art/20200101T000000-2/thesis.log",
        "art/20200101T000000-3",
    }
    assert linked.joinpath("talker.log").read_text() == "mine"


@pytest.mark.parametrize("workers", [[], ["-p", "xdist.plugin", "-n", "1"]])
def test_sessions_that_run_at_once_leave_each_other_their_folders(
    run_tests: Run, talkers: pytest.Pytester, workers: list[str]
) -> None:
    other = ["-p", PLUGIN, "-p", "no:cacheprovider", *ARTIFACTS, "other_tests.py"]
    talkers.makepyfile(other_tests=FAILS)
    run_tests(
        f"""
        import os
        import subprocess
        import sys
        from pathlib import Path

        def test_it(console):
            assert 0

        def test_other(console):
            (ours,) = Path("art").glob("*T*")
            for number in range(2):
                assert subprocess.run([sys.executable, "-m", "pytest", *{other!r}], check=False).returncode == 1
                (theirs,) = (path for path in Path("art").glob("*T*") if path != ours and path.name < "9999")
                theirs.rename(f"art/9999010{{number}}T000000-1")  # newer than ours
                assert list(ours.rglob("talker.log"))
        """,
        *ARTIFACTS,
        *workers,
    ).assert_outcomes(failed=1, passed=1)
    assert len(list(talkers.path.glob("art/*T*/*/talker.log"))) == 2  # ours, which has just ended, and the newest


def test_nothing_is_left_of_workers_that_write_nothing(run_tests: Run, talkers: pytest.Pytester) -> None:
    run_tests("def test_it(console): pass", *ARTIFACTS, "-p", "xdist.plugin", "-n", "1").assert_outcomes(passed=1)
    assert os.listdir(talkers.path / "art") == [".uartsim"]


def test_a_long_name_of_any_letters_is_cut_to_what_a_file_system_takes(
    run_tests: Run, talkers: pytest.Pytester
) -> None:
    name = "漢" * 100
    result = run_tests(
        f"""
        import pytest

        @pytest.mark.uartsim(name="{name[:99]}x")
        def test_{name}(console):
            assert 0
        """,
        *ARTIFACTS,
        "--uartsim-keep=kept",
        "--uartsim-trace",
    )
    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*File name too long*")
    (log,) = talkers.path.glob("art/*/*/*.log")
    assert log.stem == "漢" * 33 + "x"
    assert log.parent.name == "漢" * 33
