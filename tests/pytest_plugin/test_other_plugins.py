"""Beside pytest-timeout, pytest-rerunfailures, pytest-html and pytest-xdist, each installed and in use."""

from __future__ import annotations

import pytest

PLUGIN = "uartsim.pytest_plugin"

TESTS = """
    import pytest

    tries = []

    @pytest.mark.uartsim(guest="talker")
    def test_flaky(console):
        tries.append(console)
        console.expect("talker")
        assert len(tries) == 2
        assert tries[0] is not tries[1]

    def test_fails(console):
        console.expect("never", timeout=0.1)

    @pytest.mark.timeout(10)
    @pytest.mark.flaky(reruns=0)  # pytest-timeout does not time what pytest-rerunfailures runs again
    def test_hangs(console):
        console.expect("never", timeout=None)

    def test_next(console_module):
        console_module.expect("other")
"""


def test_all_of_them_together(talkers: pytest.Pytester) -> None:
    talkers.makepyfile(test_it=TESTS)
    others = ("pytest_timeout", "pytest_rerunfailures", "pytest_metadata.plugin", "pytest_html.plugin")
    plugins = [f"-p{name}" for name in (PLUGIN, *others)]
    result = talkers.runpytest_subprocess(
        *plugins, "--uartsim-guest=other", "--reruns=1", "--html=report.html", "--self-contained-html"
    )
    result.stdout.fnmatch_lines(["*- uartsim console: other -*", "*2 failed, 2 passed, 2 rerun*"])
    result.stdout.fnmatch_lines(["*Timeout*10.0s*"])
    page = (talkers.path / "report.html").read_text()
    assert "uartsim console: other" in page


def test_eight_workers_share_nothing(talkers: pytest.Pytester) -> None:
    folder = talkers.mkdir("shell")
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "for a test"\n[process]\ncommand = ["/bin/sh", "-c", "echo up; exec cat"]\n'
    )
    talkers.makepyfile(
        test_it="""
        import pytest

        @pytest.mark.uartsim(guest="demo", clock="virtual", timeout=120)
        @pytest.mark.parametrize("number", range(16))
        def test_demo(console, number):
            console.login()
            assert console.run(f"echo number {number}").output == f"number {number}\\n"

        @pytest.mark.uartsim(guest="shell", timeout=60)
        @pytest.mark.parametrize("number", range(16))
        def test_process(console, number):
            console.expect("up")

        @pytest.mark.parametrize("number", range(8))
        def test_session(console_session, number):
            assert console_session.timeout == 30
        """
    )
    talkers.runpytest_subprocess("-p", PLUGIN, "-p", "xdist", "-n", "8").assert_outcomes(passed=40)
