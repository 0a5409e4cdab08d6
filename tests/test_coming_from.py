"""All of docs/coming-from.md that is ours works as it is printed."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from tests.patience import patience

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "coming-from.md").read_text()
#: Ours are in fences with "python", other programs' in fences with "py".
OURS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
THEIRS = re.findall(r"^```py\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TESTS = [block for block in OURS if "def test_" in block]


def test_every_program_has_its_idiom_and_ours_beside_it() -> None:
    sections = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    assert list(sections) == [
        "The fixture, with its type",
        "pexpect",
        "labgrid",
        "pytest-embedded",
        "cocotb",
        "Robot Framework",
    ]
    for name in set(sections) - {"The fixture, with its type", "cocotb"}:
        assert re.search(r"^```(?:py|robotframework)\n.*^```python\n.*^\| ", sections[name], re.MULTILINE | re.DOTALL)
    assert (len(THEIRS), len(OURS), len(TESTS)) == (3, 6, 5)


@pytest.mark.parametrize("block", TESTS)
def test_the_tests_pass_with_every_fixture_annotated(
    block: str, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = 0
    for function in ast.walk(ast.parse(block)):
        if isinstance(function, ast.FunctionDef):
            expected += function.name.startswith("test_")
            assert all(argument.annotation is not None for argument in function.args.args)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # installed, the plugin would come twice
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for name in ("GUEST", "STRICT", "ARTIFACTS", "RECORD"):
        monkeypatch.delenv(f"UARTSIM_{name}", raising=False)
    pytester.makepyfile(block)
    clock = "real" if ".spawn(" in block else "virtual"
    options = ("-p", "uartsim.pytest_plugin", "--uartsim-clock", clock, "--uartsim-timeout-scale", str(patience(1)))
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=expected)


@pytest.mark.parametrize("block", THEIRS)
def test_what_is_theirs_is_python(block: str) -> None:
    ast.parse(block)


def test_the_library_of_keywords_works(tmp_path: Path) -> None:
    [block] = [block for block in OURS if block not in TESTS]
    (tmp_path / "ConsoleLibrary.py").write_text(block)
    spec = importlib.util.spec_from_file_location("ConsoleLibrary", tmp_path / "ConsoleLibrary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    library = module.ConsoleLibrary()
    library.open_console()
    try:
        assert library.wait_for("GNU GRUB") == "GNU GRUB"
        library.log_in("root", "toor")
        assert library.run_command("uname -s") == "Linux\n"
        with pytest.raises(AssertionError, match=r"\Afalse ended with status 1: \Z"):
            library.run_command("false")
    finally:
        library.close_console()
    keywords = re.findall(
        r"^    (?:\$\{\w+\} = +)?([A-Z][\w ]+?)(?:  |$)", PAGE.rpartition("```robotframework")[2], re.M
    )
    ours = {name.replace("_", " ").title() for name in vars(module.ConsoleLibrary) if not name.startswith("_")}
    assert set(keywords) <= ours | {"Should Be Equal"}
