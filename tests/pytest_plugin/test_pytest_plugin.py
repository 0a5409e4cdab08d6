"""The pytest plugin, as a test suite meets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.console.fakes import write_guest
from tests.patience import patience

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = "uartsim.pytest_plugin"


@pytest.fixture
def suite(
    pytester: pytest.Pytester, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> pytest.Pytester:
    """A suite in a folder of its own, with the plugin and a guest ``talker`` that says what it was set to."""
    for name in ("UARTSIM_CLOCK", "UARTSIM_GUEST", "UARTSIM_STRICT", "UARTSIM_TIMEOUT_SCALE"):
        monkeypatch.delenv(name, raising=False)
    # Installed, the plugin comes by its entry point; the autoload of plugins is off, so that both ways are one.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    write_guest(
        pytester.path / "talker",
        'word = host.settings["word"]\n'
        'await tty.write(f"\\x1b[1m{word}\\x1b[0m\\r\\n> ".encode())\n'
        "await trio.sleep_forever()",
        settings='word = "hello"',
    )
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", PLUGIN, *arguments)


def test_console_fixture_gives_a_fresh_machine_of_the_chosen_guest(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_one(console):
            console.expect("hello")
            test_one.console = console

        def test_two(console):
            assert console is not test_one.console
            console.expect("^hello\\n> ")
        """
    )
    run(suite, "--uartsim-guest=talker").assert_outcomes(passed=2)


def test_a_guest_may_be_where_a_machines_serial_port_is(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import socket
        import threading

        import pytest

        def test_option(console):
            console.expect("said by the option")

        @pytest.mark.uartsim(guest="unix:mark", settings={"baud": 9600})
        def test_mark(console):
            console.expect("said by the mark")

        @pytest.fixture(scope="module", autouse=True)
        def servers():
            with socket.socket(socket.AF_UNIX) as option, socket.socket(socket.AF_UNIX) as mark:
                for server, name in ((option, "option"), (mark, "mark")):
                    server.bind(name)
                    server.listen()
                threads = [threading.Thread(target=serve, args=pair) for pair in ((option, "option"), (mark, "mark"))]
                for thread in threads:
                    thread.start()
                yield
                for thread in threads:
                    thread.join()

        def serve(server, name):
            connection, _ = server.accept()
            with connection:
                connection.sendall(f"said by the {name}\\r\\n".encode())
                connection.recv(1)
        """
    )
    run(suite, "--uartsim-guest=unix:option").assert_outcomes(passed=2)


def test_mark_chooses_guest_and_settings_and_the_nearest_wins(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.uartsim(guest="talker", settings={"word": "module"})

        def test_module(console):
            console.expect("module")

        @pytest.mark.uartsim(settings={"word": "function"}, timeout=5)
        def test_function(console):
            console.expect("function")
            assert console.timeout == 5
        """
    )
    run(suite, "--strict-markers").assert_outcomes(passed=2)


def test_option_that_does_not_exist_is_refused_with_the_nearest_name(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(settigns={})
        def test_mark(console):
            pass

        @pytest.mark.uartsim("talker")
        def test_place(console):
            pass

        def test_factory(uartsim_console_factory):
            with pytest.raises(TypeError, match="uartsim_console_factory.* did you mean strict_line"):
                uartsim_console_factory("talker", strct_line=True)
        """
    )
    result = run(suite)
    result.assert_outcomes(errors=2, passed=1)
    name = "test_option_that_does_not_exist_is_refused_with_the_nearest_name.py"
    result.stdout.fnmatch_lines(
        [
            f"{name}:3: mark uartsim has no option 'settigns': did you mean settings?",
            f"{name}:7: mark uartsim takes no 'talker': write guest=... and so on",
        ]
    )
    result.stdout.no_fnmatch_line("*hidden*")
    result.stdout.no_fnmatch_line("*console_fixtures.py*")


def test_mark_and_factory_have_the_options_of_run(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="talker", uart="8250", rate="unlimited", flow="rtscts", record="mark.jsonl")
        def test_mark(console, uartsim_console_factory):
            for made in (console, uartsim_console_factory("talker", uart="8250", rate="unlimited", flow="rtscts")):
                made.expect("hello")
                status = made.line.status
                assert (status["uart"], status["baud"], status["flow_control"]) == ("8250", None, "rtscts")
        """
    )
    run(suite).assert_outcomes(passed=1)
    assert (suite.path / "mark.jsonl").read_text().startswith('{"uartsim": "transcript"')


def test_factory_makes_several_consoles(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_it(uartsim_console_factory):
            one = uartsim_console_factory("talker", settings={"word": "one"})
            two = uartsim_console_factory("talker", settings={"word": "two"}, timeout=3)
            one.expect("one")
            two.expect("two")
            assert two.timeout == 3
        """
    )
    run(suite).assert_outcomes(passed=1)


def test_failure_shows_the_callers_line_and_the_console_without_escapes(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        r"""
        import pytest

        @pytest.mark.uartsim(settings={"word": "50%\r\x1b[31m100%"})
        def test_it(console):
            console.expect("ready", timeout=0.2)
        """
    )
    result = run(suite, "--uartsim-guest=talker", "--junitxml=out.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>       console.expect("ready", timeout=0.2)',
            "E  *.ExpectTimeout: 'ready' was expected, and talker did not send it within 0.2 s",
            "E *s  50%␍100%",
            "E *s  >",
            "*- uartsim console: talker -*",
            "Steps:",
            "* s * s  expect('ready')  ExpectTimeout",
        ]
    )
    output = result.stdout.str()
    assert "\x1b" not in output
    for internal in ("blocking_console.py", "console.py", "trio"):
        assert internal not in output
    properties = ElementTree.parse(suite.path / "out.xml").iter("property")
    assert [p.get("name") for p in properties] == [
        "uartsim console",
        "uartsim guest",
        "uartsim log",
        "uartsim recording",
        "uartsim page",
    ]


def test_console_of_a_test_that_passes_is_not_reported(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(console):\n    console.expect('hello')")
    result = run(suite, "--uartsim-guest=talker", "-rA")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*uartsim console*")


def test_missing_need_skips_with_the_remedy_and_fails_where_strict(suite: pytest.Pytester) -> None:
    write_guest(
        suite.path / "needy",
        "pass",
        needs='[[needs]]\nprogram = "no-such-program"\ninstall = "apt-get install no-such-package"',
    )
    suite.makepyfile("def test_it(console): pass")
    skipped = run(suite, "--uartsim-guest=needy", "-rs")
    skipped.assert_outcomes(skipped=1)
    skipped.stdout.fnmatch_lines(
        ["SKIPPED*guest 'needy' cannot start here: *no-such-program*apt-get install no-such-package"]
    )
    strict = run(suite, "--uartsim-guest=needy", "--uartsim-strict")
    strict.assert_outcomes(errors=1)
    strict.stdout.fnmatch_lines(["*apt-get install no-such-package (--uartsim-strict is on)"])


def test_unknown_guest_fails_with_a_sentence_and_no_traceback(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(console): pass")
    result = run(suite, "--uartsim-guest=demmo")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*demmo*demo*"])
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*console_fixtures.py*")


def test_option_is_a_flag_before_the_environment_before_the_ini_file(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ini", "environment", "flag"):
        write_guest(suite.path / name, f'await tty.write(b"{name}")\nawait trio.sleep_forever()')
    suite.makepyfile("import os\ndef test_it(console):\n    console.expect(os.environ['WORD'], timeout=2)")
    suite.makeini("[pytest]\nuartsim_guest = ini\nuartsim_timeout_scale = 2")
    monkeypatch.setenv("WORD", "ini")
    run(suite).assert_outcomes(passed=1)
    monkeypatch.setenv("UARTSIM_GUEST", "environment")
    monkeypatch.setenv("WORD", "environment")
    run(suite).assert_outcomes(passed=1)
    monkeypatch.setenv("WORD", "flag")
    run(suite, "--uartsim-guest", "flag").assert_outcomes(passed=1)


def test_time_outs_are_scaled(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest, time

        def test_it(console):
            begin = time.monotonic()
            with pytest.raises(TimeoutError, match="within 0.3 s"):
                console.expect("never", timeout=0.1)
            assert time.monotonic() - begin > 0.29
        """
    )
    run(suite, "--uartsim-guest=talker", "--uartsim-timeout-scale=3").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--uartsim-timeout-scale=0"], {}, "--uartsim-timeout-scale is '0': use a factor above 0, such as 3"),
        (["--uartsim-timeout-scale=much"], {}, "--uartsim-timeout-scale is 'much'"),
        (["--uartsim-clock=mock"], {}, "--uartsim-clock is 'mock': use real or virtual"),
        ([], {"UARTSIM_CLOCK": "fast"}, "UARTSIM_CLOCK is 'fast': use real or virtual"),
        ([], {"UARTSIM_STRICT": "perhaps"}, "UARTSIM_STRICT is 'perhaps': use true or false"),
    ],
)
def test_impossible_option_is_refused_before_anything_runs(
    suite: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    environment: dict[str, str],
    words: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = run(suite, *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {words}*"])


def test_clock_comes_from_mark_or_option_and_a_minute_of_virtual_time_takes_none(suite: pytest.Pytester) -> None:
    write_guest(suite.path / "slow", 'await trio.sleep(60)\nawait tty.write(b"late")\nawait trio.sleep_forever()')
    suite.makepyfile(
        """
        import pytest, time

        @pytest.mark.uartsim(guest="slow", timeout=100)
        def test_option(console, uartsim_console_factory):
            begin = time.monotonic()
            assert console.expect("late").elapsed > 59
            uartsim_console_factory("slow", timeout=100).expect("late")
            assert time.monotonic() - begin < 30

        @pytest.mark.uartsim(guest="slow", timeout=0.1, clock="real")
        def test_mark(console):
            with pytest.raises(TimeoutError):
                console.expect("late")
        """
    )
    run(suite, "--uartsim-clock=virtual").assert_outcomes(passed=2)


def test_virtual_clock_is_refused_for_a_process_in_a_sentence(suite: pytest.Pytester) -> None:
    folder = suite.mkdir("cat")
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "for a test"\n[process]\ncommand = ["/bin/cat"]\n'
    )
    suite.makepyfile("def test_it(console): pass")
    result = run(suite, "--uartsim-guest=cat", "--uartsim-clock=virtual")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["cat is a guest of kind process and lives in real time: *use the real clock"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_options_and_fixtures_explain_themselves(suite: pytest.Pytester) -> None:
    run(suite, "--help").stdout.fnmatch_lines(
        ["uartsim: virtual serial consoles:", "*--uartsim-guest*", "*UARTSIM_GUEST*", "*uartsim_strict*"]
    )
    run(suite, "--markers").stdout.fnmatch_lines(["@pytest.mark.uartsim(guest=NAME, *"])
    run(suite, "--fixtures").stdout.fnmatch_lines(["console -- *", "*fresh machine*"])


@pytest.mark.parametrize("module", ["uartsim", PLUGIN])
def test_importing_costs_no_trio(module: str) -> None:
    code = f"import sys, {module}; print(sorted({{'trio', 'click', 'pexpect', 'uartsim.machine'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=patience(60))
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_public_name_is_there() -> None:
    import uartsim

    for name in uartsim.__all__:
        assert getattr(uartsim, name) is not None
    assert set(uartsim.__all__) <= set(dir(uartsim))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = uartsim.nothing
