"""What a failed console test says, word for word but for the times."""

from __future__ import annotations

import re
import sys

import pytest

from tests.console.fakes import write_guest

PLUGIN = "uartsim.pytest_plugin"


@pytest.fixture
def suite(bare_suite: pytest.Pytester) -> pytest.Pytester:
    """A suite in a folder of its own, with the plugin and a guest ``talker`` that greets, then echoes lines."""
    write_guest(
        bare_suite.path / "talker",
        'await tty.write(b"\\x1b[1mhello\\x1b[0m\\r\\n> ")\nwhile True:\n    await tty.write((await tty.receive()).data)\n',
    )
    return bare_suite


def said(suite: pytest.Pytester, *arguments: str) -> str:
    """What pytest prints, with T for times and DIR for the folder of a test's files."""
    result = suite.runpytest_subprocess("-p", PLUGIN, "--uartsim-guest=talker", "--uartsim-clock=virtual", *arguments)
    text = re.sub(r"\S+/(?=(?:talker(?:-\d)?\.(?:log|cast)|failure\.html)$)", "DIR/", result.stdout.str(), flags=re.M)
    return re.sub(r" +[-+]?\d+\.\d{3} s ", " T ", text)


def between(text: str, begin: str, end: str) -> list[str]:
    """The lines from the one that contains ``begin`` to before the one that contains ``end``."""
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if begin in line)
    last = next(number for number, line in enumerate(lines) if number > first and end in line)
    return lines[first:last]


def test_a_time_out_says_each_thing_once(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_it(console):
            console.expect("hello")
            console.sendline("status")
            console.expect("ready", timeout=2)
        """
    )
    text = said(suite)
    assert between(text, ">       console.expect", "= short test summary") == [
        '>       console.expect("ready", timeout=2)',
        "E       uartsim.ExpectTimeout: 'ready' was expected, and talker did not send it within 2 s",
        "E       The last lines it sent:",
        "E T  hello",
        "E T  > status",
        "",
        "test_a_time_out_says_each_thing_once.py:4: ExpectTimeout",
        "--------------------------- uartsim console: talker ----------------------------",
        "Steps:",
        " T  T  expect('hello')",
        " T  T  sendline('status')",
        " T  T  expect('ready')  ExpectTimeout",
        "Log: DIR/talker.log",
        "Recording: DIR/talker.cast",
        "Page: DIR/failure.html",
    ]


def test_after_another_failure_the_section_says_all(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        def test_it(console):
            with pytest.raises(TimeoutError):  # what this has said is not in the report
                console.expect("ready", timeout=2)
            assert console.text == ""
        """
    )
    assert between(said(suite), "uartsim console: talker", "Log: ")[1:] == [
        "The last lines it sent:",
        " T  hello",
        " T  >",
        "Steps:",
        " T  T  expect('ready')  ExpectTimeout",
    ]


def test_lines_before_and_behind_those_of_the_error_are_in_the_section(suite: pytest.Pytester) -> None:
    write_guest(
        suite.path / "counter",
        "for number in range(60):\n"
        '    await tty.write(b"line %d\\r\\n" % number)\n'
        "await tty.receive()\n"
        'await tty.write(b"bye\\r\\n")\n'
        "await trio.sleep_forever()",
    )
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="counter")
        def test_it(console):
            try:
                console.expect("never", timeout=2)
            except TimeoutError as error:
                console.send("x")
                console.expect("bye")
                raise
        """
    )
    text = said(suite)
    assert between(text, "The last lines it sent:", "ExpectTimeout")[1:] == [
        *(f"E T  line {number}" for number in range(50, 60)),
        "",
    ]
    assert between(text, "uartsim console: counter", "Log: ")[1:] == [
        "The lines before these:",
        *(f" T  line {number}" for number in range(21, 50)),
        "Since then:",
        " T  bye",
        "Steps:",
        " T  T  expect('never')  ExpectTimeout",
        " T  T  send(1 character without an echo)",
        " T  T  expect('bye')",
    ]


def test_a_problem_is_named_with_its_line_and_a_screen_is_shown_as_its_rows(suite: pytest.Pytester) -> None:
    write_guest(
        suite.path / "broken",
        'await tty.write(b"\\x1b[2J\\x1b[2;5HBoot Menu\\x1b[4;5H1. Disk")\n'
        'await tty.write(b"\\r\\nNo bootable device.\\r\\n")\n'
        "await trio.sleep_forever()",
    )
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="broken")
        def test_it(console):
            assert console.expect("device[.]").before == "x"

        @pytest.mark.uartsim(guest="broken")
        def test_problem(console):
            console.expect("login: ")
        """
    )
    text = said(suite)
    assert between(text, "uartsim console: broken", "Log: ")[1:] == [
        "The last lines it sent:",
        " T      Boot Menu",
        " T      1. Disk",
        " T  No bootable device.",
        "What went wrong:",
        " T  the firmware found nothing to start (fw.no-boot-device)",
        "Steps:",
        " T  T  expect('device[.]')",
    ]
    error = text[text.index("test_problem ") :]
    assert error.count("No bootable device.") == 1
    assert error.count("fw.no-boot-device") == 1


def test_each_console_of_a_test_has_a_section_and_files_of_its_own(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_it(uartsim_console_factory):
            one, two = uartsim_console_factory(), uartsim_console_factory()
            two.expect("hello")
            one.expect("never", timeout=1)
        """
    )
    lines = between(said(suite), "uartsim console: talker", "= short test summary")
    assert lines == [
        "--------------------------- uartsim console: talker ----------------------------",
        "Steps:",
        " T  T  expect('never')  ExpectTimeout",
        "Log: DIR/talker.log",
        "Recording: DIR/talker.cast",
        "Page: DIR/failure.html",
        "-------------------------- uartsim console: talker-2 ---------------------------",
        "The last lines it sent:",
        " T  hello",
        " T  >",
        "Log: DIR/talker-2.log",
        "Recording: DIR/talker-2.cast",
        "Page: DIR/failure.html",
    ]


def test_no_line_that_run_typed_and_no_password_is_shown(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="demo")
        def test_it(console):
            console.expect("login: ")
            console.sendline("root")
            console.expect("Password: ")
            console.sendline("to" + "or")
            console.expect("# ")
            assert console.run("echo a b").output == "a b\\n"
            console.expect("never", timeout=1)
        """
    )
    text = said(suite)
    assert "uartsim-" not in text.replace("uartsim-artifacts", "").replace("--uartsim-seed", "")
    assert "eval" not in text
    assert between(text, "Steps:", "Log: ")[1:] == [
        " T  T  expect('login: ')",
        " T  T  sendline('root')",
        " T  T  expect('Password: ')",
        " T  T  sendline(4 characters without an echo)",
        " T  T  expect('# ')",
        " T  T  run('echo a b')",
        " T  T  expect('never')  ExpectTimeout",
    ]
    assert "E T  root@demo:~# echo a b" in text


def test_a_failure_in_the_set_up_is_told_too_and_a_skip_is_not(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.fixture
        def ready(console):
            console.expect("ready", timeout=1)

        def test_it(ready):
            pass

        def test_skip(console):
            pytest.skip("no need")
        """
    )
    text = said(suite)
    assert "1 skipped, 1 error" in text
    assert text.count("uartsim console: talker") == 1
    assert between(text, "Steps:", "Log: ")[1:] == [" T  T  expect('ready')  ExpectTimeout"]


def test_of_a_machine_that_the_error_does_not_concern_only_the_last_lines_are_said(suite: pytest.Pytester) -> None:
    write_guest(
        suite.path / "counter",
        'for number in range(60):\n    await tty.write(b"line %d\\r\\n" % number)\nawait trio.sleep_forever()',
    )
    suite.makepyfile(
        """
        def test_it(uartsim_factory):
            one, two = (uartsim_factory("counter", name=name) for name in ("one", "two"))
            one.expect("line 59")
            two.expect("never", timeout=2)
        """
    )
    text = said(suite)
    assert between(text, "uartsim console: one", "uartsim console: two") == [
        "----------------------------- uartsim console: one -----------------------------",
        "The last lines it sent:",
        *(f" T  line {number}" for number in range(50, 60)),
        *between(text, "Log: ", "uartsim console: two"),
    ]
    assert between(text, "uartsim console: two", "Log: ")[1:] == [
        "The lines before these:",
        *(f" T  line {number}" for number in range(20, 50)),
        "Steps:",
        " T  T  expect('never')  ExpectTimeout",
    ]


def test_a_process_that_ends_says_its_last_words_once(suite: pytest.Pytester) -> None:
    folder = suite.path / "short"
    folder.mkdir()
    (folder / "guest.toml").write_text(
        '[guest]\nkind = "process"\ndescription = "short"\n\n[process]\n'
        "command = ['sh', '-c', 'for i in 1 2 3 4 5; do echo line $i; done; exit 3']\n"
    )
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="short", clock="real")
        def test_it(console):
            console.expect("login: ", timeout=60)
        """
    )
    assert between(said(suite), "E  ", "test_a_process") == [
        "E       uartsim.GuestEnded: 'login: ' was expected, but short failed with status 3",
        "E       The last lines it sent:",
        *(f"E T  line {number}" for number in range(1, 6)),
        "",
    ]


def test_a_menu_is_rows_in_the_report_and_in_the_log_and_bytes_in_the_recording(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest

        @pytest.mark.uartsim(guest="demo", settings={"grub_timeout": 2})
        def test_it(console):
            console.expect("automatically in 1s")
            assert False
        """
    )
    said(suite, "--uartsim-artifacts=kept")
    (log,) = suite.path.glob("kept/*/*/demo.log")
    rows = [line.partition(" s  ")[2] for line in log.read_text().splitlines()]
    assert rows[rows.index("Welcome to GRUB!") + 1 :] == [
        "                       GNU GRUB  version 2.06-13+deb12u1",
        f" |{'*Debian GNU/Linux':76}|",
        f" |{' Advanced options for Debian GNU/Linux':76}|",
        "      Use the ^ and v keys to select which entry is highlighted.",
        "      Press enter to boot the selected OS, `e' to edit the commands",
        "      before booting or `c' for a command-line.",
        "   The highlighted entry will be executed automatically in 2s.",
        "   The highlighted entry will be executed automatically in 1s.",
    ]
    (cast,) = suite.path.glob("kept/*/*/demo.cast")
    assert "\\u001b[22;1H" in cast.read_text()
    exported = suite.run(sys.executable, "-m", "uartsim", "export", "--log", str(cast))
    assert [line for line in exported.outlines if "automatically" in line] == rows[-2:]
