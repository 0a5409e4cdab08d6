"""Ctrl-C ends a session at once, and its machines with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.patience import is_running, patience

PLUGIN = "uartsim.pytest_plugin"

#: A process as a guest, one console of each scope, and a test that waits for ever.
TESTS = """
    import pytest

    @pytest.fixture(scope="module")
    def board(uartsim_factory):
        return uartsim_factory()

    def test_waits(console, console_module, console_session, board):
        for each in (console, console_module, console_session, board):
            each.expect("pid=")
            print("\\n" + each.expect("(\\\\d+)!").group(1), flush=True)
        print("ready", flush=True)
        {wait}
"""


@pytest.mark.parametrize(
    "wait", ["console.expect('never', timeout=None)", "import time; time.sleep(600)", "console.login(timeout=None)"]
)
def test_ctrl_c_ends_within_a_second_and_no_process_is_left(talkers: pytest.Pytester, wait: str) -> None:
    folder = talkers.mkdir("shell")
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "for a test"\n[process]\n'
        'command = ["/bin/sh", "-c", \'echo pid=$$!; exec sleep 600\']\n'
    )
    talkers.makepyfile(test_it=TESTS.format(wait=wait))
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-s", "-p", PLUGIN, "--uartsim-guest=shell"],
        cwd=talkers.path,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as session:
        try:
            assert session.stdout is not None
            pids = []
            for line in session.stdout:
                if line.strip().isdigit():
                    pids.append(int(line))
                if line.strip() == "ready":
                    break
            assert len(pids) == 4
            assert all(map(is_running, pids))
            begin = time.monotonic()
            os.kill(session.pid, signal.SIGINT)
            rest = session.stdout.read()
            assert session.wait(patience(60)) == pytest.ExitCode.INTERRUPTED
            took = time.monotonic() - begin
        finally:
            session.kill()
    assert "KeyboardInterrupt" in rest
    assert not any(map(is_running, pids))
    assert took < patience(10)  # benchmarks.plugin_cost measures it
