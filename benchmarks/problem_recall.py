"""What the catalogue of problems finds in public logs, and where it raises a false alarm.

    python -m benchmarks.problem_recall --logs FOLDER [benchmarks/problem_logs.toml]
    python -m benchmarks.problem_recall --logs FOLDER --script | sh

The manifest names each log by repository, path and commit, the part of the file that is the log, and what is right: the
kind of problem and the highest severity, "none" for a healthy one.  The logs are not ours and not here: FOLDER holds them
as OWNER/REPOSITORY/PATH, and ``--script`` prints the shell commands that fetch those that are missing.  A log from a
thread (an issue or a pull request) is saved by hand, without the words around it, as OWNER/REPOSITORY/threads/N.txt.

A problem is found if anything of severity warn or above is reported; a healthy log raises a false alarm by the same.
Logs marked ``held_out`` are those that no entry of the catalogue was written for: their figures stand apart.
"""

from __future__ import annotations

import argparse
import re
import shlex
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from uartsim.console.problems.problem_catalogue import SEVERITIES, Catalogue
from uartsim.console.problems.saved_log import SavedLog

MANIFEST: Final = Path(__file__).with_name("problem_logs.toml")
_SITE: Final = "https://github.com/"
_FENCE: Final = re.compile(r"^\s*```")
_LITERAL: Final = re.compile(r"^(?!\.\. (?!code-block)).*::(?: \w+)?\s*$")


def place(entry: Mapping[str, Any], folder: Path) -> Path:
    """Where the file of a log is expected."""
    name = entry["path"] if "path" in entry else f"threads/{entry['thread']}.txt"
    return folder / str(entry["repo"]) / str(name)


class Verdict(NamedTuple):
    """What was reported on one log: the highest severity, or "none", and the ids."""

    severity: str
    ids: list[str]


def part_of(text: str, entry: Mapping[str, Any]) -> str:
    """The part of a file that is the log: ``lines`` from 1, both ends included; ``characters``; or a literal block.

    Args:
        text: the file.
        entry: its entry in the manifest; ``block`` counts literal blocks from 1, of Markdown or reStructuredText.

    Raises:
        ValueError: the file has no such part.
    """
    if "lines" in entry:
        first, last = entry["lines"]
        lines = text.split("\n")
        if len(lines) < first:
            raise ValueError(f"it has {len(lines)} lines, and the log begins at line {first}")
        return "\n".join(lines[first - 1 : last])
    if "characters" in entry:
        first, last = entry["characters"]
        return text[first:last]
    if "block" not in entry:
        return text
    blocks = list(_fenced(text.split("\n")) if entry["path"].endswith(".md") else _indented(text.split("\n")))
    if len(blocks) < entry["block"]:
        raise ValueError(f"it has {len(blocks)} literal blocks, and the log is number {entry['block']}")
    return textwrap.dedent("\n".join(blocks[entry["block"] - 1]))


def _fenced(lines: Iterable[str]) -> Iterable[list[str]]:
    block: list[str] | None = None
    for line in lines:
        if _FENCE.match(line):
            if block is not None:
                yield block
            block = [] if block is None else None
        elif block is not None:
            block.append(line)


def _indented(lines: list[str]) -> Iterable[list[str]]:
    at = 0
    while at < len(lines):
        at += 1
        if not _LITERAL.match(lines[at - 1]):
            continue
        block: list[str] = []
        while at < len(lines) and (not lines[at].strip() or lines[at][0].isspace()):
            block.append(lines[at])
            at += 1
        if any(line.strip() for line in block):
            yield block


def judged(text: str, catalogue: Catalogue) -> Verdict:
    """What ``uartsim problems`` would say of a log."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".log", newline="") as file:
        file.write(text)
        file.flush()
        found = [logged.problem for logged in SavedLog(file.name, catalogue).problems()]
    severity = max((problem.severity for problem in found), key=SEVERITIES.index, default="none")
    return Verdict(severity, [problem.id for problem in found])


def _alarms(severity: str) -> bool:
    return severity in SEVERITIES and SEVERITIES.index(severity) >= SEVERITIES.index("warn")


def figures(judgements: Iterable[tuple[Mapping[str, Any], Verdict]]) -> str:
    """One line: how many problems were found, with the right severity, and how many healthy logs raised an alarm."""
    problems = found = right = healthy = alarms = 0
    for entry, verdict in judgements:
        if _alarms(entry["severity"]):
            problems += 1
            found += _alarms(verdict.severity)
            right += verdict.severity == entry["severity"]
        else:
            healthy += 1
            alarms += _alarms(verdict.severity)
    told = f"{found} of {problems} problems found, {right} with the right severity"
    return f"{told}; {alarms} false alarms in {healthy} healthy logs"


def script(entries: Iterable[Mapping[str, Any]], folder: Path) -> Iterable[str]:
    """Shell commands that fetch logs into ``folder``."""
    cloned: set[str] = set()
    for entry in entries:
        repository = folder / ".repositories" / entry["repo"]
        if "thread" in entry:
            yield f"# {_SITE}{entry['repo']}/issues/{entry['thread']}: save its log as {place(entry, folder)}"
            continue
        if entry["repo"] not in cloned:
            cloned.add(entry["repo"])
            yield f"git clone --filter=blob:none --no-checkout {_SITE}{entry['repo']} {shlex.quote(str(repository))}"
        target = place(entry, folder)
        yield f"mkdir -p {shlex.quote(str(target.parent))}"
        blob = shlex.quote(f"{entry['commit']}:{entry['path']}")
        yield f"git -C {shlex.quote(str(repository))} show {blob} > {shlex.quote(str(target))}"


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description="Recall and false alarms of the catalogue of problems.")
    parser.add_argument("manifest", nargs="?", type=Path, default=MANIFEST)
    parser.add_argument("--logs", type=Path, required=True, metavar="FOLDER", help="where the logs are")
    parser.add_argument("--script", action="store_true", help="print shell commands that fetch the missing logs")
    options = parser.parse_args()
    entries = tomllib.loads(options.manifest.read_text())["log"]
    missing = [entry for entry in entries if not place(entry, options.logs).is_file()]
    if options.script:
        print("\n".join(script(missing, options.logs)))
        return
    catalogue = Catalogue.standard()
    judgements = []
    for entry in entries:
        if entry in missing:
            continue
        path = place(entry, options.logs)
        try:
            text = part_of(path.read_text(encoding="utf-8", errors="replace"), entry)
        except ValueError as error:
            print(f"{path}: {error}: is it that of the commit {entry.get('commit')}?", file=sys.stderr)
            continue
        verdict = judged(text, catalogue)
        judgements.append((entry, verdict))
        if verdict.severity != entry["severity"]:
            where = next((f" {name} {entry[name]}" for name in ("lines", "block", "characters") if name in entry), "")
            print(f"{path.relative_to(options.logs)}{where}: {entry['kind']}: {entry['severity']}, said {verdict}")
    for name, held_out in (("written for", False), ("held out", True)):
        print(f"{name}: {figures(j for j in judgements if bool(j[0].get('held_out')) == held_out)}")
    print(f"all: {figures(judgements)}")
    if missing:
        print(
            f"{len(missing)} of {len(entries)} logs are missing: add --script, and run what it prints", file=sys.stderr
        )


if __name__ == "__main__":
    main()
