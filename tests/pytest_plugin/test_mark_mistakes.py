"""A mistake in a mark ``uartsim`` is one sentence with the file and the line of the mark."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Run = Callable[..., pytest.RunResult]


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ("guest='talkr'", "unknown guest 'talkr'*"),
        ("guest='./nowhere'", "*nowhere is not a guest's folder: there is no such folder"),
        ("guest='talker', settings={'wrd': 1}", "guest 'talker' has no setting 'wrd'*"),
        ("uart='16551'", "uart is '16551': use one of *"),
        ("timeout=5, fault='noize'", "'noize' is not a fault: use one of *"),
        ("tmeout=5", "mark uartsim has no option 'tmeout': did you mean timeout?"),
        ("link='x'", "mark uartsim has no option 'link': a console has no pty; 'uartsim run' makes one, and its link"),
        ("clock='fast'", "clock is 'fast': use 'real' or 'virtual'"),
        ("allow=['linux.panik']", "*linux.panik*"),
    ],
)
def test_mistake_has_the_place_of_its_mark(run_tests: Run, mark: str, words: str) -> None:
    result = run_tests(
        f"""
        import pytest

        @pytest.mark.uartsim(allow=[])
        @pytest.mark.parametrize("number", [1])
        @pytest.mark.uartsim({mark})
        def test_it(console, number): pass
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"test_it.py:5: {words}"])
    result.stdout.no_fnmatch_line("*hidden*")
    result.stdout.no_fnmatch_line("*Traceback*")


def test_marks_of_modules_classes_parameters_and_names_are_found(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        broken = pytest.mark.uartsim(guest="by-name")

        @broken
        def test_name(console): pass

        @pytest.mark.uartsim(guest="of-class")
        class TestIt:
            def test_class(self, console): pass

        @pytest.mark.parametrize("number", [
            pytest.param(1, marks=pytest.mark.uartsim(guest="of-parameter")),
        ])
        def test_parameter(console, number): pass

        def test_module(console): pass

        def test_shared(console_module): pass

        pytestmark = [pytest.mark.uartsim(timeout=3), pytest.mark.uartsim(guest="of-module")]
        """
    )
    result.assert_outcomes(errors=5)
    for line, name in ((3, "by-name"), (8, "of-class"), (13, "of-parameter"), (21, "of-module"), (21, "of-module")):
        result.stdout.fnmatch_lines([f"test_it.py:{line}: unknown guest '{name}'*"])


def test_mistake_of_an_option_has_no_place(run_tests: Run) -> None:
    result = run_tests(
        """
        import pytest

        @pytest.mark.uartsim(timeout=3)
        def test_it(console): pass
        """,
        "--uartsim-guest=talkr",
    )
    result.stdout.fnmatch_lines(["unknown guest 'talkr'*"])


def test_guest_that_a_factory_is_given_is_refused_in_a_sentence(run_tests: Run) -> None:
    result = run_tests("def test_it(uartsim_factory): uartsim_factory('talkr')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unknown guest 'talkr'*"])
    result.stdout.no_fnmatch_line("*Traceback*")
