"""The pytest plugin boots a guest once, and restores it for each test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

PLUGIN = "uartsim.pytest_plugin"
ROOT = Path(__file__).resolve().parent.parent.parent

#: A function that prepares, and a fixture that counts the boots of all processes.
PREPARED = """
    import os, pathlib, signal, sys, time
    import pytest

    sys.path.insert(0, {root!r})
    BOOTS = pathlib.Path({boots!r})

    def logged_in(console):
        with BOOTS.open("a") as file:
            file.write("boot\\n")
        console.login()
        assert console.run("here=kept").status == 0

    pytestmark = pytest.mark.uartsim(guest="linux", restore=logged_in, timeout=60)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    for name in ("UARTSIM_CLOCK", "UARTSIM_GUEST", "UARTSIM_STRICT", "UARTSIM_TIMEOUT_SCALE", "UARTSIM_KEEP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


def write(suite: pytest.Pytester, tests: str) -> None:
    head = PREPARED.format(root=str(ROOT), boots=str(suite.path / "boots"))
    suite.makepyfile(test_suite=head + tests)


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", PLUGIN, "--basetemp=temp", *arguments)


def boots(suite: pytest.Pytester) -> int:
    file = suite.path / "boots"
    return len(file.read_text().splitlines()) if file.exists() else 0


@pytest.mark.needs(guest="linux")
def test_each_test_begins_where_the_function_has_left_the_guest(suite: pytest.Pytester) -> None:
    write(
        suite,
        """
    def machine(console):
        return console._async._session.machine

    def test_leaves_traces(console):
        assert console.run("echo $here; here=lost; touch /tmp/trace; ls -A /tmp").output == "kept\\ntrace\\n"
        console.line.add_fault("noise:rate=1e-2,seed=1")
        console.line.set_modem(dtr=False)
        console.stimuli.steal_line()
        test_leaves_traces.machine = machine(console)

    def test_finds_none(console):
        assert machine(console) is test_leaves_traces.machine
        assert console.line.faults == []
        assert console.run("echo $here; ls -A /tmp").output == "kept\\n"

    @pytest.mark.uartsim(record="record.jsonl", allow=["linux.*"])
    def test_has_a_record_of_its_own_and_panics(console):
        console.run("echo only th''is")
        console.send("x")
        console.sendline("\\x15echo c >/proc/sysrq-trigger")
        console.expect("Kernel panic")

    def test_is_not_troubled_by_a_panic(console):
        assert console.problems == []
        assert console.run("echo $here").output == "kept\\n"

    @pytest.mark.uartsim(allow=["kernel.panic"])
    def test_is_refused(console):
        assert False

    def test_goes_on_with_the_machine(console):
        assert console._thread.read(lambda: machine(console).ended) is None
        assert console.run("echo $here").output == "kept\\n"

    def test_switches_off(console):
        console._thread.read(machine(console).power_off)
        console.sendline("poweroff -f")
        with pytest.raises(Exception, match="was stopped|powered off|has ended|is closed"):
            console.expect("never")

    def test_gets_a_new_process_then(console):
        assert machine(console) is not test_leaves_traces.machine
        assert "login:" in console.text
        assert console.run("echo $here").output == "kept\\n"

    @pytest.mark.uartsim(trace="trace.ndjson", fault="noise:rate=1e-9,seed=1")
    def test_has_a_line_of_its_own(console):
        assert console.run("echo $here").output == "kept\\n"

    def test_gets_two(uartsim_console_factory):
        two = [uartsim_console_factory("linux", restore=logged_in, timeout=60) for _ in range(2)]
        assert [console._async._session.name for console in two] == ["linux", "linux-2"]
        two[0].run("here=other")
        assert [console.run("echo $here").output for console in two] == ["other\\n", "kept\\n"]

    def test_fails(console):
        console.run("here=failed")
        assert 0
    """,
    )
    result = run(suite, "--uartsim-keep=kept", "-rA")
    result.assert_outcomes(passed=9, failed=1, errors=1)
    result.stdout.fnmatch_lines(["test_suite.py:*: there is no problem 'kernel.panic': *'linux.panic'*"])
    assert boots(suite) == 1
    events = [json.loads(line) for line in (suite.path / "record.jsonl").read_text().splitlines()]
    sent = "".join(event[2] for event in events[1:] if event[1] == "o")  # a word may be in two events
    assert "only this" in sent
    assert "login:" not in sent
    (kept,) = (suite.path / "kept").iterdir()
    result.stdout.fnmatch_lines([f"*saved in {kept}: 'uartsim run linux --restore*"])
    assert not list((suite.path / "temp").glob("uartsim-*"))  # the session's own snapshots are gone


@pytest.mark.needs(guest="linux")
def test_workers_of_xdist_boot_once_between_them(suite: pytest.Pytester) -> None:
    write(
        suite,
        """
    @pytest.mark.parametrize("number", range(4))
    def test_number(console, number):
        assert console.run("echo $here; here=lost").output == "kept\\n"
    """,
    )
    run(suite, "-p", "xdist", "-n", "2").assert_outcomes(passed=4)
    assert boots(suite) == 1
    assert not list((suite.path / "temp").glob("uartsim-*"))


@pytest.mark.needs(guest="linux")
def test_a_function_that_fails_is_not_tried_again(suite: pytest.Pytester) -> None:
    write(
        suite,
        """
    def wrong(console):
        with BOOTS.open("a") as file:
            file.write("boot\\n")
        raise ValueError("no such thing")

    @pytest.mark.uartsim(restore=wrong)
    @pytest.mark.parametrize("number", range(3))
    def test_number(console, number):
        pass
    """,
    )
    result = run(suite)
    result.assert_outcomes(errors=3)
    assert boots(suite) == 1
    result.stdout.fnmatch_lines(["*wrong(), which prepares linux, has failed: ValueError: no such thing"])


def test_a_script_is_not_restored(suite: pytest.Pytester) -> None:
    write(
        suite,
        """
    @pytest.mark.parametrize("clock", ["real", "virtual"])
    def test_demo(uartsim_console_factory, clock):
        uartsim_console_factory("demo", restore=logged_in, clock=clock)
    """,
    )
    result = run(suite)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*is of kind script, and only one of kind qemu can be restored*"])
    result.stdout.fnmatch_lines(["*so call the function in the test*"])
