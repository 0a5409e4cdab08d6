"""TOML of a stranger's: where a mistake is, the bounds, and where each statement begins."""

from __future__ import annotations

import pytest

from uartsim.toml_text import MOST_PARTS, TomlMistake, parse_toml, statements

MANY_DIGITS = "1" * 5000


def mistake(text: str) -> tuple[int, str]:
    with pytest.raises(TomlMistake) as caught:
        parse_toml(text)
    return caught.value.line, str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = \nc = 2\n", 2),
        ("a = 1\n\nb = [1,", 3),
        ('a = 1\nb = "x\nc = 2', 2),
        ("a = 1\na = 2\nc = 3\n", 2),
        ("a = 1\nb = '''x\n\n", 2),
    ],
)
def test_a_mistake_is_named_with_its_line_and_without_tomllibs_place(text: str, line: int) -> None:
    found, what = mistake(text)
    assert found == line
    assert what
    assert "line" not in what
    assert "end of document" not in what


@pytest.mark.parametrize("before", [0, 1, 2, 3, 6, 7])
@pytest.mark.parametrize("after", ["", "\n", "\nz = 1\n", "\ny = 1\nz = 1"])
def test_a_bound_of_pythons_own_is_named_with_its_line(before: int, after: str) -> None:
    good = "".join(f"a{number} = [\n1]\n" for number in range(before))
    line, what = mistake(f"{good}b = {MANY_DIGITS}{after}")
    assert line == 2 * before + 1
    assert "4300" in what
    assert mistake(f"{good}b = {'[' * 9000}{after}") == (2 * before + 1, "brackets are nested too deeply")


def dotted(parts: int) -> str:
    return ".".join(["a"] * parts)


@pytest.mark.parametrize("text", ["{} = 1", "[{}]", "[[{}]]", "b = {{ {} = 1 }}", '"b" = 2\n{} = 1'])
def test_a_key_may_have_a_hundred_parts(text: str) -> None:
    assert MOST_PARTS == 100
    parse_toml(text.format(dotted(100)))
    assert mistake(text.format(dotted(101))) == (text.count("\n") + 1, "a key of more than 100 parts")


def test_parts_are_counted_a_key_at_a_time() -> None:
    inline = "{ " + ", ".join(f"k{number}.a = 1.5" for number in range(100)) + " }"
    parsed = parse_toml("\n".join([*(f"[t{number}.a]\na.a = 1.5" for number in range(60)), f"b = {inline}"]))
    assert len(parsed) == 60
    assert parsed["t0"] == {"a": {"a": {"a": 1.5}}}
    assert len(parsed["t59"]["a"]["b"]) == 100


def test_each_place_where_a_key_begins_starts_the_count_anew() -> None:
    half = dotted(60)
    assert parse_toml(f"{half} = 1\n[b.{half}]\nc = {{ {half} = 1, d.{half} = 2 }}\ne = [1.5, 2.5]\n")["b"]
    # Comments and strings may be full of dots.
    assert parse_toml(f"a = 1 # {half}.{half}\nb = '{half}.{half}'\n") == {"a": 1, "b": f"{half}.{half}"}


def test_after_a_string_without_end_nothing_is_looked_at() -> None:
    # tomllib stops there as well, and says so.
    line, what = mistake(f'a = 1\nb = "x\n{dotted(200)} = 1')
    assert line == 2
    assert what.startswith("Illegal character")
    assert list(statements('a = 1\nb = "x\nc = 1')) == [(1, "a = 1"), (2, 'b = "x\nc = 1')]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("a = 1", [(1, "a = 1")]),
        ("a = 1\n", [(1, "a = 1")]),
        ("a = 1\r\nb = 2\r\n", [(1, "a = 1"), (2, "b = 2")]),
        ("a = [\n1]\nb = 2\n", [(1, "a = [\n1]"), (3, "b = 2")]),
        ("a = [[1],\n[2]]\nb = 2", [(1, "a = [[1],\n[2]]"), (3, "b = 2")]),
        ("a = '''x\n\n'''\nb = 2", [(1, "a = '''x\n\n'''"), (4, "b = 2")]),
        ("a = ]\nb = [\n1]\nc = 3", [(1, "a = ]"), (2, "b = [\n1]"), (4, "c = 3")]),
        ("a = {b = 1} # [\nc = 2", [(1, "a = {b = 1} # ["), (2, "c = 2")]),
    ],
)
def test_statements_begin_where_they_do(text: str, found: list[tuple[int, str]]) -> None:
    assert list(statements(text)) == found
