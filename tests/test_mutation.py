"""tools/mutation: what is changed, what is left alone, and how a sample is drawn and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools.mutation import rooms
from tools.mutation.mutants import mutants_of
from tools.mutation.report import EXPLAINED_AT_MOST, RoomReport, explained
from tools.mutation.run import Result, draw

ROOT = Path(__file__).parent.parent


def changes(source: str) -> list[str]:
    """Each mutant's changed line."""
    return [mutant.diff[1] for mutant in mutants_of("module.py", source.encode())]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("a = b < c", ["a = (b <= c)", "a = (b >= c)"]),
        ("a = b == c", ["a = (b != c)"]),
        ("a = b is not c", ["a = (b is c)"]),
        ("a = b in c", ["a = (b not in c)"]),
        ("a = b + c", ["a = (b - c)"]),
        ("a = b << c", ["a = (b >> c)"]),
        ("a = b and c", ["a = (b or c)"]),
        ("a = not b", ["a = (b)"]),
        ("a = -b", ["a = (b)"]),
        ("a = 5", ["a = 6", "a = 4"]),
        ("a = 0", ["a = 1"]),
        ("a = True", ["a = False"]),
        ("a = min(b, c)", ["a = max(b, c)"]),
        ("a = b(c, d)", ["a = (b(d, c))"]),
        ("a = b if c else d", ["a = b if (not c) else d"]),
        ("a = [b for b in c if d]", ["a = [b for b in c if (not d)]"]),
        ("if a: b = c", ["if (not a): b = c"]),
        ("while a: break", ["while (not a): break", "while a: continue"]),
        ("for a in b: continue", ["for a in b: break"]),
        ("def f(): return a", ["def f(): return None"]),
        ("def f(a=1): pass", ["def f(a=2): pass", "def f(a=0): pass"]),
        ("a += b", ["a -= b", "pass"]),
        ("def f(): a_s = b + 1", ["def f(): a_s = (b - 1)", "def f(): a_s = b + 2", "def f(): a_s = b + 0"]),
        ("a(b_s=c + d)", ["a(b_s=(c - d))", "pass"]),
        ("a.b = c", ["pass"]),
        ("a()", ["pass"]),
        ("raise a", ["pass"]),
        ("async def f(): await a()", ["async def f(): pass"]),
        ("match a:\n case b if c: pass", ["case b if (not c): pass"]),
    ],
)
def test_a_fault_is_made_of_what_may_be_wrong(source: str, wanted: list[str]) -> None:
    assert sorted(changes(source)) == sorted(wanted)


@pytest.mark.parametrize(
    "source",
    [
        '"""A docstring."""',
        "a = 'text' + b",
        "a = f'{b + 1}'",
        "a: Annotated[int, 1 + 1] = b",
        "def f(a: int | None) -> Literal[1]: pass",
        "assert a < 1",
        "@cache(maxsize=1)\ndef f(): pass",
        "def __repr__(self): return a + 1",
        "log.debug('%d', 1)",
        "__slots__ = (1, 2)",
        "if TYPE_CHECKING:\n a()",
        "if __name__ == '__main__':\n main()",
        "a = zip(b, strict=True)",
        "class A(Protocol):\n a = 1",
        "A = int | None",
        "from a import b",
        "a = cast(b, c)",
        "PATIENCE_S = 10.0",
        "def f(a=None, b_s=1.0, *, c_s=2.0): pass",
        "a = b(c_s=3)",
    ],
)
def test_what_no_test_of_behaviour_could_see_is_left_alone(source: str) -> None:
    assert changes(source) == []


def test_a_change_keeps_the_rest_of_the_file_byte_for_byte() -> None:
    source = "# größer\ndef f(a):\n    return ('ü', a < 1)  # é\n".encode()
    for mutant in mutants_of("module.py", source):
        assert mutant.changed.startswith("# größer\ndef f(a):\n    return ".encode())
        assert mutant.changed.endswith("  # é\n".encode())


def test_a_mutant_keeps_its_fingerprint_while_lines_move() -> None:
    source = b"class A:\n    def f(self):\n        self.a()\n        self.a()\n"
    before = [mutant.fingerprint for mutant in mutants_of("module.py", source)]
    after = [mutant.fingerprint for mutant in mutants_of("module.py", b"import x\n\n\n" + source)]
    assert before == after
    assert before == [("module.py", "A.f", "self.a() -> pass"), ("module.py", "A.f", "self.a() -> pass #1")]


def test_what_runs_at_import_is_told_from_what_runs_in_a_function() -> None:
    mutants = mutants_of("module.py", b"A = 1\n@b\ndef f(c=2):\n    def g(d=3): return 4 + e\n")
    assert {mutant.function for mutant in mutants if mutant.lines == (1, 1)} == {None}
    assert {mutant.function for mutant in mutants if mutant.lines == (3, 3)} == {None}
    assert {mutant.function for mutant in mutants if mutant.lines == (4, 4)} == {"f@2"}
    assert mutants[0].names == ("A",)


def test_a_seed_draws_the_same_sample_again_and_another_one_another() -> None:
    fingerprints = [
        [mutant.fingerprint for mutant in draw(ROOT, "wire", seed, 20)] for seed in ("one", "one", "another")
    ]
    assert len(set(fingerprints[0])) == 20
    assert fingerprints[0] == fingerprints[1] != fingerprints[2]


def test_every_mutant_of_a_room_compiles() -> None:
    for mutant in draw(ROOT, "wire", "any", 100):
        compile(mutant.changed, mutant.file, "exec", dont_inherit=True)


def test_every_room_has_tests() -> None:
    every = rooms.rooms(ROOT)
    assert set(rooms.TESTS_ELSEWHERE) <= set(every)
    assert {room for room in every if draw(ROOT, room, "1", 1) and not rooms.tests_of(ROOT, room)} == set()


def test_what_is_not_mutated_exists_has_a_reason_and_is_drawn_from_no_room() -> None:
    listed = {str(file) for files in rooms.rooms(ROOT).values() for file in files}
    assert all((ROOT / file).is_file() and reason.strip() for file, reason in rooms.UNMUTATED.items())
    assert listed.isdisjoint(rooms.UNMUTATED)
    assert listed | set(rooms.UNMUTATED) == {str(file.relative_to(ROOT)) for file in (ROOT / "uartsim").rglob("*.py")}


def results(killed: int, survived: int, unreached: int = 0) -> list[Result]:
    (mutant,) = mutants_of("module.py", b"a()")
    numbered = [replace(mutant, number=number) for number in range(killed + survived + unreached)]
    outcomes = ["killed"] * killed + ["survived"] * survived + ["unreached"] * unreached
    return [Result(mutant, outcome) for mutant, outcome in zip(numbered, outcomes, strict=True)]


def test_a_room_is_well_tested_at_95_of_100_killed() -> None:
    assert RoomReport("room", results(95, 5), {}).enough
    assert not RoomReport("room", results(94, 5, 1), {}).enough
    assert RoomReport("room", [], {}).enough


def test_explained_mutants_do_not_count_but_are_few() -> None:
    every = results(90, 10)
    reasons = {result.mutant.fingerprint: "why" for result in every[-5:]}
    report = RoomReport("room", every, reasons)
    assert report.killed == 90 / 95
    assert len(report.by_outcome("explained")) == EXPLAINED_AT_MOST * 100
    reasons = {result.mutant.fingerprint: "why" for result in every[-6:]}
    assert not RoomReport("room", every, reasons).enough


def test_each_explained_mutant_is_still_there_and_has_a_reason_of_one_line() -> None:
    files = {file for file, _, _ in explained()}
    every = {mutant.fingerprint for file in files for mutant in mutants_of(file, (ROOT / file).read_bytes())}
    assert set(explained()) <= every


@pytest.mark.parametrize(
    "entry",
    [
        'file = "a"\nfunction = "b"\nchange = "c"',
        'file = "a"\nfunction = "b"\nchange = "c"\nreason = " "',
        'file = "a"\nfunction = "b"\nchange = "c"\nreason = "x\\ny"',
    ],
)
def test_an_explanation_that_explains_nothing_is_refused(tmp_path: Path, entry: str) -> None:
    file = tmp_path / "explained.toml"
    file.write_text(f"[[mutant]]\n{entry}\n")
    with pytest.raises(ValueError, match=r"explained\.toml"):
        explained(file)
