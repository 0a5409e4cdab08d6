"""Where a failure goes beside the terminal: files, a page, JUnit XML, annotations, and the live log."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.console.fakes import write_guest

PLUGIN = "uartsim.pytest_plugin"
TESTS = """
    import pytest

    @pytest.mark.parametrize("number", [1, 2])
    def test_fails(console, number):
        console.expect("hello")
        console.expect("never", timeout=1)

    def test_passes(console):
        console.expect("hello")
"""


@pytest.fixture
def suite(bare_suite: pytest.Pytester) -> pytest.Pytester:
    """A suite in a folder of its own, with the plugin and a guest that sends what terminals and browsers obey."""
    write_guest(
        bare_suite.path / "evil",
        'await tty.write("hello <script>alert(1)</script> 50%\\rx \\x9b2J\\r\\n".encode())\n'
        'await tty.write(b"\\x1b[1;31m::error::boo\\x1b[0m\\r\\n")\n'
        "await trio.sleep_forever()",
    )
    bare_suite.makepyfile(test_it=TESTS)
    return bare_suite


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return suite.runpytest_subprocess("-p", PLUGIN, "--uartsim-guest=evil", "--uartsim-clock=virtual", *arguments)


def files(folder: Path) -> list[str]:
    """All files of a folder, without the session's name."""
    found = (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != ".uartsim")
    return sorted(re.sub(r"^\d{8}T\d{6}-\d+", "SESSION", name) for name in found)


OF_FAILURES = [
    f"SESSION/test_it.py-test_fails-{number}/{name}"
    for number in (1, 2)
    for name in ("evil.cast", "evil.log", "failure.html")
]


@pytest.mark.parametrize("workers", [[], ["-p", "xdist.plugin", "-n", "2"]])
def test_files_of_failed_tests_are_kept_in_a_folder_for_each(suite: pytest.Pytester, workers: list[str]) -> None:
    run(suite, "--uartsim-artifacts=art", *workers).assert_outcomes(failed=2, passed=1)
    assert files(suite.path / "art") == OF_FAILURES
    assert len([path for path in (suite.path / "art").iterdir() if path.is_dir()]) == 1


def test_files_of_all_tests_or_of_none(suite: pytest.Pytester) -> None:
    run(suite, "--uartsim-artifacts=art", "--uartsim-record=all").assert_outcomes(failed=2, passed=1)
    passed = [f"SESSION/test_it.py-test_passes/evil.{ending}" for ending in ("cast", "log")]
    assert files(suite.path / "art") == [*OF_FAILURES, *passed]
    none = run(suite, "--uartsim-artifacts=none", "--uartsim-record=none")
    assert files(suite.path / "none") == []
    none.stdout.no_fnmatch_line("Log: *")


def test_a_log_and_a_recording_have_what_the_guest_sent(suite: pytest.Pytester) -> None:
    run(suite, "--uartsim-artifacts=art")
    log = next((suite.path / "art").rglob("evil.log"))
    lines = [line.partition(" s  ")[2] for line in log.read_text().splitlines()]
    assert lines == ["hello <script>alert(1)</script> 50%\u240dx \ufffd2J", "::error::boo"]
    header, *events = map(json.loads, log.with_suffix(".cast").read_text().splitlines())
    assert {key: header[key] for key in ("version", "width", "height")} == {"version": 2, "width": 80, "height": 24}
    assert "".join(text for _, kind, text in events if kind == "o") == (
        "hello <script>alert(1)</script> 50%\rx \x9b2J\r\n\x1b[1;31m::error::boo\x1b[0m\r\n"
    )
    assert [at for at, _, _ in events] == sorted(at for at, _, _ in events)


def test_the_newest_sessions_stay(suite: pytest.Pytester) -> None:
    for folder in ("art", *(f"art/2020010{number}T000000-1" for number in range(3))):
        (suite.path / folder).mkdir()
        (suite.path / folder / ".uartsim").write_text("uartsim artifacts folder\n")
        (suite.path / folder / ".uartsim").chmod(0o600)
    (suite.path / "art/mine").mkdir()
    run(suite, "--uartsim-artifacts=art", "--uartsim-artifacts-runs=2")
    names = sorted(path.name for path in (suite.path / "art").iterdir())
    assert names[0] == ".uartsim"
    assert names[1] == "20200102T000000-1"
    assert names[3:] == ["mine"]


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        (
            "--uartsim-artifacts=talk",
            "holds files that uartsim did not make (notes.txt), so nothing in it is touched: name a new",
        ),
        ("--uartsim-artifacts=talk/notes.txt", "name a new folder with --uartsim-artifacts"),
        ("--uartsim-artifacts-runs=0", "--uartsim-artifacts-runs is '0': use a whole number from 1 to 9999"),
        ("--uartsim-record=some", "--uartsim-record is 'some': use failed or all or none"),
    ],
)
def test_an_impossible_folder_or_number_is_refused_before_anything_runs(
    suite: pytest.Pytester, argument: str, words: str
) -> None:
    suite.mkdir("talk").joinpath("notes.txt").write_text("mine")
    result = run(suite, argument)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: *{words.replace('[', '[[]')}*"])


def test_files_that_cannot_be_written_are_a_sentence_in_the_report(suite: pytest.Pytester) -> None:
    suite.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def full(request, monkeypatch):
            def full(*_):
                raise OSError(28, "No space left on device")

            if "[1]" in request.node.name:
                monkeypatch.setattr("uartsim.own_files.outputs.NewFile", full)
        """
    )
    result = run(suite, "--uartsim-artifacts=art")
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(["Log: not written: *No space left on device*"])


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_the_page_is_complete_in_itself_and_obeys_nothing(suite: pytest.Pytester) -> None:
    run(suite, "--uartsim-artifacts=art")
    text = next((suite.path / "art").rglob("failure.html")).read_text()
    page = _Page()
    page.feed(text)
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(page.tags)
    assert page.attributes == {"lang", "charset", "name", "content", "http-equiv", "class", "open"}
    assert "http://" not in text
    assert "https://" not in text
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "prefers-color-scheme: dark" in text
    assert page.tags.count("details") == 2  # one for each step
    assert "expect(&#x27;never&#x27;)" in text


def test_junit_has_the_console_as_output_and_its_files_as_properties(suite: pytest.Pytester) -> None:
    run(suite, "--uartsim-artifacts=art", "--junitxml=out.xml")
    cases = ElementTree.parse(suite.path / "out.xml").findall(".//testcase")
    assert [len(case.findall("system-out")) for case in cases] == [1, 1, 0]
    folder = next((suite.path / "art").rglob("test_it.py-test_fails-1"))
    properties = [(p.get("name"), p.get("value")) for p in cases[0].iter("property")]
    assert properties == [
        ("uartsim console", "evil"),
        ("uartsim guest", "evil"),
        ("uartsim log", f"{folder}/evil.log"),
        ("uartsim recording", f"{folder}/evil.cast"),
        ("uartsim page", f"{folder}/failure.html"),
    ]
    output = re.sub(r" +\+\d+\.\d{3} s( +\d+\.\d{3} s)? ", " T ", cases[0].findtext("system-out") or "")
    assert output.splitlines() == [
        f"[[ATTACHMENT|{folder}/failure.html]]",
        "uartsim console: evil",
        " T  expect('hello')",
        " T  expect('never')  ExpectTimeout",
        "",
        " T  hello <script>alert(1)</script> 50%\u240dx \ufffd2J",
        " T  ::error::boo",
    ]


def test_junit_has_it_beside_what_was_captured_and_from_workers(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_DIR", str(suite.path))
    suite.makepyfile(
        test_it="""
        import pytest

        def test_fails(console):
            print("printed")
            console.expect("never", timeout=1)

        @pytest.fixture
        def ends_badly(console):
            yield
            console.expect("never", timeout=1)

        def test_teardown(ends_badly):
            pass
        """
    )
    arguments = ["--uartsim-artifacts=art", "--junitxml=out.xml", "-o", "junit_logging=system-out"]
    run(suite, *arguments, "-p", "xdist.plugin", "-n", "1").assert_outcomes(failed=1, passed=1, errors=1)
    cases = {c.get("name"): c for c in ElementTree.parse(suite.path / "out.xml").findall(".//testcase")}
    outputs = [each.text or "" for each in cases["test_fails"].findall("system-out")]
    assert any("printed" in each for each in outputs)
    assert sum("uartsim console: evil" in each for each in outputs) == 1
    ours = next(each for each in outputs if "uartsim console: evil" in each)
    assert re.match(r"\[\[ATTACHMENT\|art/\d+T\d+-\d+/test_it.py-test_fails/failure.html\]\]\n", ours)
    assert "uartsim console: evil" in "".join(each.text or "" for each in cases["test_teardown"].findall("system-out"))


def test_failures_are_annotations_in_github_actions(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(suite.path.parent))
    result = run(suite, "-k", "test_fails and 1")
    annotations = [re.sub(r"\+\d+\.\d{3}", "+T", line) for line in result.outlines if line.startswith("::")]
    name = suite.path.name
    assert annotations == [
        f"::error file={name}/test_it.py,line=6,title=test_it.py%3A%3Atest_fails[1]::"
        "uartsim.ExpectTimeout: 'never' was expected, and evil did not send it within 1 s%0A"
        "The last lines it sent:%0A"
        "     +T s  hello <script>alert(1)</script> 50%25\u240dx \ufffd2J%0A"
        "     +T s  ::error::boo"
    ]
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert not [line for line in run(suite).outlines if line.startswith("::")]


def test_lines_and_steps_are_live_with_s_and_v(suite: pytest.Pytester) -> None:
    text = run(suite, "-s", "-v", "-k", "test_passes", "--color=no").stdout.str()
    shown = [re.sub(r"\d+\.\d{3} s", "N s", line) for line in text.splitlines() if line.startswith("evil ")]
    # the guest's next line may come before the test's end or after it
    assert sorted(line for line in shown if "boo" not in line) == [
        "evil +N s [expect('hello')...]",
        "evil +N s [expect('hello'): N s]",
        "evil +N s: hello <script>alert(1)</script> 50%\u240dx <9b>2J",
    ]
    assert shown.index("evil +N s [expect('hello')...]") < shown.index("evil +N s [expect('hello'): N s]")
    quiet = run(suite, "-s", "-k", "test_passes")
    quiet.stdout.no_fnmatch_line("evil *")


def test_each_machine_has_a_colour_of_its_own_and_a_report_no_log_of_it(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        test_it="""
        def test_it(uartsim_console_factory):
            for name in ("one", "two"):
                uartsim_console_factory(name=name).expect("hello")
            assert False
        """
    )
    for arguments in (["-s", "-vv"], ["--log-cli-level=INFO"]):
        text = run(suite, *arguments, "--color=yes").stdout.str()
        colours = {
            name: {"".join(re.findall(r"\x1b\[(3\d)m", line)[:1]) for line in text.splitlines() if f"{name} +" in line}
            for name in ("one", "two")
        }
        assert [len(each) for each in colours.values()] == [1, 1], arguments
        assert colours["one"] != colours["two"]
        assert "Captured log" not in text
