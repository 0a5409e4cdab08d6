"""The report that the documentation shows is what pytest prints."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.patience import patience

PAGE = Path(__file__).resolve().parents[2] / "docs" / "failures.md"
#: What differs from one run, or from one build of the kernel, to another.
VARYING = (
    (r" *[+-]?\d+\.\d{3} s(?= )", " T"),
    (r"\[ *\d+\.\d{6}\]", "[T]"),
    (r"\+0x[0-9a-f]+/0x[0-9a-f]+", "+X"),
    (r"Kernel Offset: 0x[0-9a-f]+", "Kernel Offset: X"),
    (r"\S*\d{8}T\d{6}-\d+/", "SESSION/"),
)


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)


def normal(text: str) -> list[str]:
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text.splitlines()


def matches(said: list[str], shown: list[str]) -> bool:
    """Whether lines are those that are shown, where ``...`` stands for any."""
    pattern = "".join(r"(?:.*\n)*" if line == "..." else re.escape(line) + r"\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in said)) is not None


@pytest.mark.needs(guest="linux")
def test_a_kernel_panic_is_reported_as_documented(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("GITHUB_ACTIONS", "UARTSIM_RECORD", "UARTSIM_ARTIFACTS"):
        monkeypatch.delenv(name, raising=False)
    (code,), (shown,) = blocks("python"), blocks("text")
    pytester.makepyfile(test_boot=code)
    result = pytester.runpytest_subprocess(
        "-p", "uartsim.pytest_plugin", "--uartsim-artifacts=artifacts", timeout=patience(240)
    )
    lines = result.stdout.str().splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(">"))
    end = next(number for number, line in enumerate(lines) if "short test summary" in line)
    said = normal("\n".join(lines[begin:end]))
    assert matches(said, normal(shown)), "\n".join(said)


def test_the_comparison_can_fail() -> None:
    shown = normal(blocks("text")[0])
    whole = [line for line in shown if line != "..."]
    assert matches(whole, shown)
    assert matches([*whole[:15], *whole[15:]], shown)
    assert not matches(whole[:-1], shown)
    assert not matches([*whole, "more"], shown)
    assert not matches([line.replace("Steps", "Stops") for line in whole], shown)
