"""A mistake in a mark ``uartsim`` is one sentence with the file and the line of the mark."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatch

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


WRONG_KINDS = [
    ("settings=['hostname=x']", "settings is ['hostname=x']: give names with their values*"),
    ("settings='x'", "settings is 'x': give names*"),
    ("settings={1: 2}", "settings is {1: 2}: give names*"),
    ("settings={'word': 10**5000}", "settings is <dict>: give names*"),
    ("record=3", "record is 3: use the path of a new file*"),
    ("record='a\\0b'", "record is 'a\\x00b': use the path of a new file*"),
    ("trace=3", "trace is 3: use the path of a new file*"),
    ("restore=3", "restore is 3: give the folder of a snapshot*"),
    ("problems=3", "problems is 3: give a file of problems*"),
    ("allow=3", "allow is 3: give a list of ids*"),
    ("allow='linux.panic'", "allow is 'linux.panic': give a list of ids*"),
    ("fault='dcd-drop', faults=['dcd-drop']", "faults is the older name of fault: give only fault"),
    ("timeout='x'", "timeout is 'x': give seconds*"),
    ("timeout=float('nan')", "timeout is nan: give seconds*"),
    ("timeout=-1", "timeout is -1: give seconds*"),
    ("timeout=True", "timeout is True: give seconds*"),
    ("timeout_scale=10**5000", "timeout_scale is <int>: use a factor*"),
    ("uart=[]", "uart is []: use one of 8250*"),
    ("unlimited='x'", "unlimited is 'x': use True or False"),
    ("log='/etc/passwd'", "log is '/etc/passwd': give a function*"),
    ("name=3", "name is 3: give a text of at most 100 characters*"),
    ("name='../x\\0'", "name is '../x\\x00': give a text*"),
    ("name=3000 * 'x'", "name is 'xxx*x...: give a text*"),
    ("guest=3", "guest is 3: give a guest's name*"),
    ("guest=10**5000", "guest is <int>: give a guest's name*"),
    ("guest=[]", "guest is an empty list: name a guest*"),
]


def test_values_of_a_wrong_kind_have_the_place_of_their_mark_before_anything_starts(run_tests: Run) -> None:
    marks = "".join(
        f"""
        @pytest.mark.uartsim({mark})
        def test_{number}(console): pass
"""
        for number, (mark, _) in enumerate(WRONG_KINDS)
    )
    result = run_tests(
        f"""
        import pytest
        {marks}
        @pytest.fixture(autouse=True, scope="session")
        def nothing_starts():
            from uartsim.pytest_plugin.console_maker import ConsoleMaker

            before = ConsoleMaker._started
            ConsoleMaker._started = lambda *_: 1 / 0
            yield
            ConsoleMaker._started = before
        """,
        "--uartsim-guest=talker",
    )
    result.assert_outcomes(errors=len(WRONG_KINDS))
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*contextlib*")
    lines = [line for line in result.outlines if line.startswith("test_it.py:")]
    for number, ((_, words), line) in enumerate(zip(WRONG_KINDS, lines, strict=True)):
        place = f"test_it.py:{3 * number + 3}: "
        assert line.startswith(place), line
        assert fnmatch(line.removeprefix(place).replace("[", "("), words.replace("[", "(")), line


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
