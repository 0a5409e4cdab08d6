"""Each project in examples/ is complete: copied to a clean folder, the steps of its workflows run its tests there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.ci_steps import GITHUB, GITLAB, ROOT, Job, github_jobs, gitlab_jobs, installed, run_job, to_run
from tests.patience import patience
from tools.provision import REQUIREMENTS
from uartsim.guest.catalogue import find_guest

EXAMPLES = ROOT / "examples"
PROJECTS = sorted(path.parent.name for path in EXAMPLES.glob("*/pyproject.toml"))
_GRUB = pytest.mark.needs("grub-mkimage", "/usr/lib/grub/i386-pc/boot.img", "xorriso", "mcopy")
_QEMU = pytest.mark.needs("qemu-system-x86_64", "qemu-img")
#: What each project's tests need here.
NEEDS = {
    "first-test": [],
    "grub-rescue": [_QEMU, _GRUB],
    "guest-matrix": [pytest.mark.needs(guest="linux")],
    "own-image": [_QEMU, _GRUB, pytest.mark.needs("/boot/vmlinuz-*-cloud-amd64", "/bin/busybox", "cpio")],
    "sysrq": [pytest.mark.needs(guest="linux")],
}
#: The guests of QEMU's that each uses, and how many tests it has.
GUESTS = {"guest-matrix": ["linux"], "sysrq": ["linux"]}
TESTS = {"first-test": 2, "grub-rescue": 3, "guest-matrix": 2, "own-image": 3, "sysrq": 4}
#: What is in the image that the jobs run in.
IN_THE_IMAGE = {"login", "util-linux"}
JOBS = [
    pytest.param(name, job, id=f"{name}-{where}{number}", marks=NEEDS[name])
    for name in PROJECTS
    for where, jobs in (("github", github_jobs), ("gitlab", gitlab_jobs))
    for number, job in enumerate(jobs(EXAMPLES / name))
]


def clean_copy(name: str, folder: Path) -> Path:
    """A project as a stranger copies it: without what running it here has left."""
    ignored = (EXAMPLES / name / ".gitignore").read_text().replace("/", "").split()
    left_out = shutil.ignore_patterns(*ignored, "__pycache__", ".pytest_cache")
    return Path(shutil.copytree(EXAMPLES / name, folder / name, ignore=left_out))


def test_there_are_five_and_the_page_lists_each() -> None:
    page = (EXAMPLES / "README.md").read_text()
    assert sorted(NEEDS) == PROJECTS == sorted(re.findall(r"^\| \[([\w-]+)\]\(\1/\) \|", page, re.MULTILINE))


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_the_steps_of_a_workflow_run_the_tests(name: str, job: Job, tmp_path: Path) -> None:
    folder = clean_copy(name, tmp_path)
    printed = run_job(job, folder, patience(300))
    assert re.search(rf"^=* ?{TESTS[name]} passed in ", printed, re.MULTILINE), printed
    # where a job on GitLab says that its report is
    assert (folder / "report.xml").exists() == any("--junitxml" in command for command in job.commands)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_says_what_it_is_in_a_few_lines(name: str) -> None:
    lines = (EXAMPLES / name / "README.md").read_text().splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) < 20


@pytest.mark.parametrize("name", PROJECTS)
def test_both_workflows_do_the_same(name: str) -> None:
    github, gitlab = github_jobs(EXAMPLES / name), gitlab_jobs(EXAMPLES / name)
    assert [job.variables for job in github] == [job.variables for job in gitlab]
    for one, other in zip(github, gitlab, strict=True):
        assert to_run(one) == [command.removesuffix(" --junitxml report.xml") for command in to_run(other)]
        assert installed(one) == installed(other)
        assert one.image == other.image or (one.image, installed(one)[0]) == ("ubuntu-latest", set())


@pytest.mark.parametrize("name", PROJECTS)
def test_what_is_installed_is_what_the_tests_need(name: str) -> None:
    packages, by_pip = installed(github_jobs(EXAMPLES / name)[0])
    assert by_pip == ["-r requirements.txt"]
    assert (EXAMPLES / name / "requirements.txt").read_text().split() == ["pytest", "uartsim"]
    assert packages <= {requirement.package for requirement in REQUIREMENTS}
    needed = {need.install for guest in GUESTS.get(name, []) for need in find_guest(guest).needs}
    named = {package for text in needed for package in re.sub(r".*apt-get install ", "", text).split()}
    assert named - IN_THE_IMAGE <= packages
    needed_here = {file for mark in NEEDS[name] for file in mark.args}
    assert {requirement.package for requirement in REQUIREMENTS if requirement.name in needed_here} <= packages


@pytest.mark.parametrize("name", PROJECTS)
@pytest.mark.parametrize(("schema", "path"), [("github-workflows", GITHUB), ("gitlab-ci", GITLAB)])
def test_a_workflow_is_valid(name: str, schema: str, path: Path) -> None:
    done = check(schema, EXAMPLES / name / path)
    assert (done.returncode, done.stdout) == (0, "ok -- validation done\n")


@pytest.mark.parametrize(
    ("schema", "path", "key"), [("github-workflows", GITHUB, "runs-on"), ("gitlab-ci", GITLAB, "script")]
)
def test_the_check_of_a_workflow_can_fail(schema: str, path: Path, key: str, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.yml"
    spoilt.write_text((EXAMPLES / "first-test" / path).read_text().replace(f"{key}:", "runs-in:"))
    assert check(schema, spoilt).returncode == 1


def check(schema: str, path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=patience(60), check=False)


def test_a_step_that_fails_fails_the_job(tmp_path: Path) -> None:
    job = Job({"WORD": "hello"}, ("pip install nothing\napt-get update", "echo $WORD\nfalse | cat\necho never"), "")
    assert to_run(job) == ["echo $WORD\nfalse | cat\necho never"]
    with pytest.raises(AssertionError, match=r"exit status 1\nhello\n\Z"):
        run_job(job, tmp_path, patience(60))
    with pytest.raises(AssertionError, match=r"exit status 124\nwaits\n\Z"):
        run_job(Job({}, ("echo waits; sleep 60",), ""), tmp_path, 1)
