"""The measurement of the catalogue on public logs: its manifest is sound, and it takes the right part of a file."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from benchmarks import problem_recall
from benchmarks.problem_recall import MANIFEST, Verdict, figures, judged, part_of, script
from uartsim.console.problems.problem_catalogue import SEVERITIES, Catalogue

LOGS = tomllib.loads(MANIFEST.read_text())["log"]
MARKDOWN = """Words
```console
not this
```
- item
    ```output
    [    1.000000] Kernel panic - not syncing: x
        indented
    ```
"""
REST = """Words::

    not this

More:

.. code-block:: none

   [    1.000000] Kernel panic - not syncing: x
       indented

End
"""


def test_manifest_names_where_each_log_is_and_what_is_right() -> None:
    assert len(LOGS) >= 100
    for log in LOGS:
        assert log["severity"] in ("none", *SEVERITIES)
        assert (log["kind"] == "healthy") == (log["severity"] == "none")
        assert "thread" in log or (len(log["commit"]) == 40 and log["path"])
    places = [
        (log["repo"], log.get("path"), log.get("thread"), str(log.get("lines")), log.get("block")) for log in LOGS
    ]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize(("text", "path"), [(MARKDOWN, "a.md"), (REST, "a.rst")])
def test_literal_block_of_a_document_is_taken_without_its_indentation(text: str, path: str) -> None:
    part = part_of(text, {"path": path, "block": 2})
    assert part.strip("\n") == "[    1.000000] Kernel panic - not syncing: x\n    indented"
    with pytest.raises(ValueError, match="2 literal blocks"):
        part_of(text, {"path": path, "block": 3})


def test_lines_and_characters_are_taken_as_counted() -> None:
    text = "one\ntwo\nthree\n"
    assert part_of(text, {"lines": [2, 3]}) == "two\nthree"
    assert part_of(text, {"characters": [4, 7]}) == "two"
    assert part_of(text, {}) == text
    with pytest.raises(ValueError, match="begins at line 9"):
        part_of(text, {"lines": [9, 9]})


def test_figures_count_problems_found_and_false_alarms() -> None:
    alarm, silence = Verdict("fatal", ["linux.panic"]), Verdict("none", [])
    judgements = [({"severity": "fatal"}, alarm), ({"severity": "warn"}, alarm), ({"severity": "error"}, silence)]
    judgements += [({"severity": "none"}, silence), ({"severity": "none"}, alarm)]
    assert figures(judgements) == ("2 of 3 problems found, 1 with the right severity; 1 false alarms in 2 healthy logs")
    assert judged("[    1.000000] Kernel panic - not syncing: x\n", Catalogue.standard()) == alarm


def test_missing_logs_are_counted_and_a_script_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = tmp_path / "logs.toml"
    manifest.write_text(
        '[[log]]\nrepo = "a/b"\npath = "with space/x"\ncommit = "c0ffee"\nkind = "panic"\nseverity = "fatal"\n'
        '[[log]]\nrepo = "a/b"\nthread = 7\nkind = "healthy"\nseverity = "none"\n'
    )
    monkeypatch.setattr(sys, "argv", ["problem_recall", "--logs", str(tmp_path), str(manifest)])
    problem_recall.main()
    assert "2 of 2 logs are missing" in capsys.readouterr().err
    lines = list(script(tomllib.loads(manifest.read_text())["log"], tmp_path))
    assert any("show 'c0ffee:with space/x' >" in line for line in lines)
    assert lines[-1].startswith("# ")
    (tmp_path / "a/b/with space").mkdir(parents=True)
    (tmp_path / "a/b/with space/x").write_text("[    1.000000] Kernel panic - not syncing: x\n")
    problem_recall.main()
    assert "all: 1 of 1 problems found, 1 with the right severity" in capsys.readouterr().out
