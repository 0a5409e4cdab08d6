"""The steps of a project's workflows, for GitHub Actions and for GitLab, and running them without a network.

Steps that install something (``apt-get``, ``pip install``) are recognised: what they name is told, and they are left out.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
GITHUB = Path(".github/workflows/console.yml")
GITLAB = Path(".gitlab-ci.yml")
_INSTALLS = re.compile(r"(?:apt-get (?P<apt>update|install)|(?P<pip>pip install))\b(?P<words>.*)\Z")


@dataclass(frozen=True)
class Job:
    """One job with one value for each variable of its matrix.

    Attributes:
        variables: what it sets in the environment.
        commands: its steps' lines, in order; a step of several lines is one.
        image: the container that it runs in, or the name of its runner.
    """

    variables: Mapping[str, str]
    commands: tuple[str, ...]
    image: str


def github_jobs(project: Path) -> list[Job]:
    """The jobs of a project's workflow for GitHub Actions."""
    return [job for each in _read(project / GITHUB)["jobs"].values() for job in _github_jobs(each)]


def _github_jobs(job: Mapping[str, Any]) -> Iterator[Job]:
    for chosen in _products(job.get("strategy", {}).get("matrix", {})):

        def filled(text: str, chosen: Mapping[str, str] = chosen) -> str:
            return re.sub(r"\$\{\{ matrix\.(\w+) \}\}", lambda match: chosen[match[1]], text)

        variables = {name: filled(str(value)) for name, value in job.get("env", {}).items()}
        commands = tuple(filled(step["run"]) for step in job["steps"] if "run" in step)
        yield Job(variables, commands, job.get("container", job["runs-on"]))


def gitlab_jobs(project: Path) -> list[Job]:
    """The jobs of a project's pipeline on GitLab."""
    return [
        Job(
            {**{name: str(value) for name, value in job.get("variables", {}).items()}, **chosen},
            (*job.get("before_script", ()), *job["script"]),
            job["image"],
        )
        for job in _read(project / GITLAB).values()
        for matrix in job.get("parallel", {}).get("matrix", [{}])
        for chosen in _products(matrix)
    ]


def _read(path: Path) -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(path)
    return read


def _products(matrix: Mapping[str, list[str]]) -> Iterator[dict[str, str]]:
    for values in itertools.product(*matrix.values()):
        yield dict(zip(matrix, map(str, values), strict=True))


def installed(job: Job) -> tuple[set[str], list[str]]:
    """What a job installs: Debian's packages, and what follows ``pip install``."""
    packages: set[str] = set()
    by_pip: list[str] = []
    for line in itertools.chain.from_iterable(command.splitlines() for command in job.commands):
        if (match := _INSTALLS.match(line)) is None:
            continue
        if match["pip"]:
            by_pip.append(match["words"].strip())
        elif match["apt"] == "install":
            packages |= {word for word in match["words"].split() if not word.startswith("-")}
    return packages, by_pip


def to_run(job: Job) -> list[str]:
    """A job's commands without the lines that install something."""
    kept = ("\n".join(x for x in command.splitlines() if not _INSTALLS.match(x)) for command in job.commands)
    return [command for command in kept if command.strip()]


def run_job(job: Job, folder: Path, timeout_s: float) -> str:
    """Run a job in a folder, with this Python and this uartsim; returns what it printed.

    Raises:
        AssertionError: a command failed, or took longer than ``timeout_s`` (status 124); the message has what was printed.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UARTSIM_", "PYTEST_"))}
    kept = {name: os.environ[name] for name in ("UARTSIM_RUNTIME_DIR",) if name in os.environ}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    if not any(point.value == "uartsim.pytest_plugin" for point in importlib.metadata.entry_points(group="pytest11")):
        environment["PYTEST_PLUGINS"] = "uartsim.pytest_plugin"  # a checkout that is not installed
    printed = ""
    for command in to_run(job):
        with subprocess.Popen(
            ["timeout", "--kill-after=10", f"{timeout_s:.0f}", "bash", "-e", "-o", "pipefail", "-c", command],
            cwd=folder,
            env={**environment, **kept, "CI": "true", **job.variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as running:
            printed += running.communicate()[0]
        assert running.returncode == 0, f"{command}: exit status {running.returncode}\n{printed}"
    return printed
