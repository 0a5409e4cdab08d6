"""``--uartsim-set``: settings of the guests of all tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]
SAYS = """
    import pytest

    def test_it(console):
        console.expect("> ")
        print("said", console.text.split()[0])
"""


def said(result: pytest.RunResult) -> list[str]:
    """What the guests of the tests have said first."""
    return [line.partition("said ")[2] for line in result.outlines if "said " in line]


def test_flag_goes_before_environment_and_ini_file_and_a_mark_before_all(
    run_tests: Run, talkers: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["--uartsim-guest=talker", "-s"]
    talkers.makeini("[pytest]\nuartsim_set =\n    word = from,ini\n")
    assert said(run_tests(SAYS, *arguments)) == ["from,ini"]
    monkeypatch.setenv("UARTSIM_SET", "word=a=b")
    assert said(run_tests(SAYS, *arguments)) == ["a=b"]
    flags = ["--uartsim-set", "word=first", "--uartsim-set=word=flag"]
    assert said(run_tests(SAYS, *arguments, *flags)) == ["flag"]
    marked = SAYS.replace("def test_it", "@pytest.mark.uartsim(settings={'word': 'mark'})\n    def test_it")
    assert said(run_tests(marked, *arguments, *flags)) == ["mark"]
    made = "def test_it(uartsim_factory):\n    print('said', uartsim_factory('talker').expect('\\\\w+').group())"
    assert said(run_tests(made, *arguments, *flags)) == ["flag"]


def test_setting_counts_for_those_of_several_guests_that_have_it(run_tests: Run) -> None:
    tests = SAYS + '\n    @pytest.mark.uartsim(guest="silent")\n    def test_silent(console): pass\n'
    result = run_tests(tests, "--uartsim-guest=talker,other", "--uartsim-set=word=new", "-s")
    result.assert_outcomes(passed=3)
    assert said(result) == ["new", "new"]


@pytest.mark.parametrize(
    ("guests", "setting", "words"),
    [
        ("talker", "wrd=x", "--uartsim-set wrd=x: guest 'talker' has no setting 'wrd'; did you mean word?"),
        ("silent,broken", "word=x", "--uartsim-set word=x: guest 'silent' has no setting 'word'; it has no settings"),
        ("demo", "grub_timeout=x", "--uartsim-set: setting 'grub_timeout' is a whole number (by default 5), not 'x'"),
    ],
)
def test_setting_that_no_guest_has_is_a_sentence(run_tests: Run, guests: str, setting: str, words: str) -> None:
    result = run_tests("def test_it(console): pass", f"--uartsim-guest={guests}", f"--uartsim-set={setting}")
    result.assert_outcomes(errors=len(guests.split(",")))
    assert words in result.outlines
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("text", ["word", "=x", " = x"])
def test_text_that_is_no_setting_is_refused_before_anything_runs(run_tests: Run, text: str) -> None:
    result = run_tests("def test_it(console): pass", f"--uartsim-set={text}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --uartsim-set is {text!r}: write KEY=VALUE, such as grub_timeout=0"])
