"""What an installation holds, where it finds the catalogue of guests, and what the README's first lines promise."""

from __future__ import annotations

import ast
import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest

from tests.build_backend.stand_ins import NPM, write_command
from tests.own_mounts import unshare_mounts
from tools import provision
from uartsim.guest.catalogue import list_guests

ROOT = Path(__file__).resolve().parent.parent
SAY_WHERE = """
import json
from uartsim.guest import catalogue
print(json.dumps([catalogue.__file__, str(catalogue.catalogue_folder()), [g.name for g in catalogue.list_guests()]]))
"""
LOAD_DEMO = """
import importlib, sys
from pathlib import Path
from uartsim.guest.script import load_main
main = load_main(Path(sys.argv[1]), "guest.py")
print(importlib.import_module(main.__module__.replace(".guest", ".linux_system")).__file__)
"""
#: Where an import's name is not the name of its distribution.
DISTRIBUTIONS = {
    "axe_playwright_python": "axe-playwright-python",
    "PIL": "pillow",
    "serial": "pyserial",
    "vcd": "pyvcd",
    "_pytest": "pytest",
    "trio_websocket": "trio-websocket",
    "websocket": "websocket-client",
    "swagger_ui_bundle": "swagger-ui-bundle",
}


def files_in(folder: Path, pattern: str = "*") -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout without what work leaves behind."""
    ignore = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "node_modules", "page")
    return Path(shutil.copytree(ROOT, tmp_path / "checkout", ignore=ignore, symlinks=True))


class Python:
    """A virtual environment that sees what this one has installed, but for uartsim."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder / "venv", symlinks=True)
        self.folder = folder
        self.site = next((folder / "venv" / "lib").glob("python*/site-packages"))
        self.scripts = folder / "venv" / "bin"
        dependencies = folder / "dependencies"
        dependencies.mkdir()
        for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
            for path in Path(site).iterdir():
                if "uartsim" not in path.name and path.suffix != ".pth":
                    (dependencies / path.name).symlink_to(path)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "UARTSIM_"))}
        self.commands = folder / "commands"
        search = f"{self.commands}{os.pathsep}{kept.get('PATH', os.defpath)}"
        self.environment = {**kept, "PATH": search, "PYTHONPATH": str(dependencies), "PIP_NO_INDEX": "1"}
        self.use_node("v16.20.2")

    def use_node(self, version: str, npm: str = NPM) -> None:
        """Have commands in PATH that stand in for node and npm; this version is too old for the page if not said otherwise."""
        write_command(self.commands, "node", f"echo {version}")
        write_command(self.commands, "npm", npm)

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Run it; what it wrote, or a failure that shows it."""
        done = subprocess.run(
            [self.scripts / "python", *arguments],
            cwd=cwd or self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, *arguments: str) -> str:
        """``pip install``, with nothing looked up; what it has said."""
        return self.run("-m", "pip", "install", "--no-deps", "--no-build-isolation", *arguments)

    def why_no_page(self) -> str:
        """Why this Python's uartsim has no page."""
        return self.run("-c", "from uartsim.service.portal.page_files import why_missing; print(why_missing())").strip()

    def where(self) -> tuple[Path, Path, list[str]]:
        """The catalogue's module, its folder and the names in it, as this Python finds them."""
        module, folder, names = json.loads(self.run("-c", SAY_WHERE))
        return Path(module), Path(folder), names


@pytest.fixture
def python(tmp_path: Path) -> Python:
    return Python(tmp_path)


def test_a_wheel_carries_the_rooms_and_the_catalogue(checkout: Path, python: Python) -> None:
    python.install(str(checkout))
    shipped = python.site / "uartsim"
    shutil.rmtree(checkout)

    module, folder, names = python.where()
    assert module.is_relative_to(shipped)
    assert folder == shipped / "_guests"
    assert names == [guest.name for guest in list_guests()]
    assert files_in(folder) == files_in(ROOT / "guests")
    assert files_in(shipped / "conform" / "sequences") == files_in(ROOT / "uartsim" / "conform" / "sequences")
    assert python.run("-c", LOAD_DEMO, str(folder / "demo")).strip() == str(folder / "demo" / "linux_system.py")
    rooms = {path for path in files_in(shipped) if not path.startswith(("_guests/", "service/portal/page/"))}
    assert rooms == {
        path
        for path in files_in(ROOT / "uartsim")
        if not path.startswith(("service/portal/page/", "service/portal/web/"))
    }
    assert not (python.site / "guests").exists()
    assert not (python.site / "tests").exists()
    assert (python.scripts / "uartsim").is_file()


def test_an_editable_install_finds_the_catalogue_of_its_checkout(checkout: Path, python: Python) -> None:
    python.install("--editable", str(checkout))
    module, folder, names = python.where()
    assert module.is_relative_to(checkout)
    assert folder == checkout / "guests"
    assert names == [guest.name for guest in list_guests()]


@pytest.mark.needs("man")
@pytest.mark.parametrize("editable", [False, True])
def test_an_installation_brings_the_manual_pages(checkout: Path, python: Python, editable: bool) -> None:
    python.install(*(["--editable"] if editable else []), str(checkout))
    manual = python.folder / "venv" / "share" / "man" / "man1"
    assert {"uartsim.1", "uartsim-run.1", "uartsim-images-fetch.1"} <= files_in(manual)
    # man(1) looks beside the folders of PATH, so that they are found while the environment is active.
    path = f"{python.scripts}{os.pathsep}{python.environment['PATH']}"
    environment = {**python.environment, "PATH": path, "MANPATH": ""}
    found = subprocess.run(["man", "-w", "uartsim-run"], env=environment, capture_output=True, text=True, check=False)
    assert found.stdout.strip() == str(manual / "uartsim-run.1"), found.stderr
    python.run("-m", "pip", "uninstall", "--yes", "uartsim")
    assert not files_in(manual)


def test_an_installation_succeeds_without_what_the_manual_pages_need(checkout: Path, python: Python) -> None:
    (checkout / "tools" / "man_pages.py").write_text("raise ModuleNotFoundError('there is no click')\n")
    said = python.install("--verbose", str(checkout))
    assert "no manual pages are installed: ModuleNotFoundError: there is no click" in said
    assert (python.scripts / "uartsim").is_file()
    assert not (python.folder / "venv" / "share" / "man").exists()


def test_a_wheel_carries_the_page_where_node_is(checkout: Path, python: Python) -> None:
    python.use_node("v18.20.4")
    spaced = checkout.rename(checkout.with_name("a check out"))
    (spaced / "build" / "lib" / "uartsim" / "service" / "portal" / "page").mkdir(parents=True)
    (spaced / "build" / "lib" / "uartsim" / "service" / "portal" / "page" / "stale.js").write_text("an earlier build's")
    python.install(str(spaced))
    source = (spaced / "uartsim" / "service" / "portal" / "web" / "src" / "main.tsx").read_text().splitlines()[0]
    name = re.sub(r"[^a-z]", "", source)
    page = python.site / "uartsim" / "service" / "portal" / "page"
    assert files_in(page) == {"index.html", "files.json", f"assets/{name}.js", f"assets/{name}.js.gz"}
    assert not (page.parent / "web").exists()
    assert python.why_no_page() == "None"


@pytest.mark.parametrize("editable", [False, True])
@pytest.mark.parametrize(
    ("version", "npm", "why"),
    [
        ("v16.20.2", NPM, "'v16.20.2' of node is too old"),
        ("v18.20.4", "echo 'npm error code ENOTFOUND'; exit 1", "'npm ci' failed (ENOTFOUND)"),
        ("v18.20.4", "sleep 1000", "'npm ci' did not end within 1 s"),
    ],
)
def test_an_installation_without_the_page_succeeds_and_knows_why(
    checkout: Path, python: Python, version: str, npm: str, why: str, editable: bool
) -> None:
    python.use_node(version, npm)
    python.environment["UARTSIM_PAGE_TIMEOUT_S"] = "1"
    said = python.install("--verbose", *(["--editable"] if editable else []), str(checkout))
    assert re.search(rf"portal page: not built. The portal page is missing because {re.escape(why)}", said)
    assert python.why_no_page().startswith(f"The portal page is missing because {why}: ")


def test_an_editable_install_serves_the_page_of_its_checkout(checkout: Path, python: Python) -> None:
    python.use_node("v18.20.4")
    python.install("--editable", str(checkout))
    assert python.why_no_page() == "None"
    portal = checkout / "uartsim" / "service" / "portal"
    assert "index.html" in files_in(portal / "page")
    assert not (portal / "web" / "node_modules").exists()


def test_a_source_distribution_carries_what_the_page_is_built_from(checkout: Path, python: Python) -> None:
    python.use_node("v18.20.4")
    portal = checkout / "uartsim" / "service" / "portal"
    sources = files_in(portal / "web")
    (portal / "page").mkdir()
    (portal / "page" / "index.html").write_text("a page")
    (portal / "web" / "node_modules" / "preact").mkdir(parents=True)
    (portal / "web" / "node_modules" / "preact" / "index.js").write_text("a module")
    python.run("-c", "from build_backend.portal_backend import build_sdist; build_sdist('made')", cwd=checkout)
    (archive,) = (checkout / "made").iterdir()
    with tarfile.open(archive) as packed:
        packed.extractall(python.folder)
    unpacked = python.folder / archive.name.removesuffix(".tar.gz")
    assert files_in(unpacked / "uartsim" / "service" / "portal" / "web") == sources
    assert "package-lock.json" in sources
    assert not (unpacked / "uartsim" / "service" / "portal" / "page").exists()
    python.install(str(archive))
    assert python.why_no_page() == "None"


@pytest.mark.needs("root")
def test_a_checkout_that_cannot_be_written_to_is_installed_with_its_page(checkout: Path, python: Python) -> None:
    python.use_node("v18.20.4")
    mount = f"mount --bind '{checkout}' '{checkout}' && mount -o remount,ro,bind '{checkout}'"
    pip = f"'{python.scripts}/python' -m pip install --no-deps --no-build-isolation"
    for arguments in (f"--editable '{checkout}'", f"'{checkout}'"):
        command = [*unshare_mounts(), "sh", "-c", f"{mount} && {pip} {arguments}"]
        done = subprocess.run(command, env=python.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert python.why_no_page() == "None"
    assert not (checkout / "uartsim" / "service" / "portal" / "page").exists()


def test_the_lock_file_of_the_page_names_packages_by_hash_and_no_host() -> None:
    text = (ROOT / "uartsim" / "service" / "portal" / "web" / "package-lock.json").read_text()
    assert "http" not in text, "run: node strip_lock.mjs"
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert len(packages) > 10
    for name, entry in packages.items():
        assert "resolved" not in entry, name
        assert entry["integrity"].startswith("sha512-"), name


def test_a_bare_checkout_runs_its_tests(checkout: Path, python: Python) -> None:
    assert python.run("-c", "import importlib.util; print(importlib.util.find_spec('uartsim'))") == "None\n"
    said = python.run(
        *("-m", "pytest", "-p", "no:cacheprovider", "--uartsim-strict", "tests/guests/test_catalogue.py"),
        *("-k", "our_guests"),
        cwd=checkout,
    )
    assert re.search(r"\b1 passed", said)


def declared(section: str, option: str) -> set[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    return set(re.findall(r"^[a-z0-9_-]+", setup[section][option], re.MULTILINE))


def _top(module: str) -> str:
    """The part of a module's name that tells its distribution: Azure's share a namespace."""
    parts = module.split(".")
    return "-".join(parts[: 3 if parts[1:2] == ["mgmt"] else 2]) if parts[0] == "azure" else parts[0]


def imported(folder: str) -> set[str]:
    """The distributions that a folder's modules import."""
    names = set()
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                names |= {_top(alias.name) for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(_top(node.module))
    foreign = names - sys.stdlib_module_names - {"benchmarks", "build_backend", "tests", "tools", "uartsim"}
    return {DISTRIBUTIONS.get(name, name) for name in foreign}


def test_what_is_imported_is_declared_and_nothing_else() -> None:
    # pytest is there whenever the plugin is: pytest loads it.  What draws pictures comes with an extra.
    names = ("device", "firmware", "pexpect", "plot", "service")
    extras = set().union(*(declared("options.extras_require", extra) for extra in names))
    assert imported("uartsim") - {"pytest"} == declared("options", "install_requires") | extras


def test_what_tests_import_is_declared() -> None:
    extra = declared("options.extras_require", "test")
    assert imported("tests") | imported("tools") <= extra | declared("options", "install_requires")


def test_what_guests_need_is_provisioned() -> None:
    provisioned = {requirement.package for requirement in provision.REQUIREMENTS}
    for guest in list_guests():
        for need in guest.needs:
            if need.install.startswith("apt-get install "):
                assert set(need.install.split()[2:]) <= provisioned, f"guest {guest.name}: {need}"


def test_provisioning_names_what_it_cannot_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = (
        provision.Requirement("sh", "dash", "all"),
        provision.Requirement("no-such-program", "no-such-package", "this test"),
    )
    monkeypatch.setattr(provision, "REQUIREMENTS", wanted)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.delenv("UARTSIM_STRICT", raising=False)
    assert provision.main() == 0
    said = capsys.readouterr().out
    assert "no-such-program (Debian package no-such-package): this test" in said
    assert "apt-get install --yes --no-install-recommends no-such-package\n" in said
    assert "dash" not in said

    monkeypatch.setenv("UARTSIM_STRICT", "1")
    assert provision.main() == 1


def test_ci_runs_the_second_line_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    lines = [line.strip() for line in re.findall(r"^    (python3 -m venv .*)$", readme, re.MULTILINE)]
    assert len(lines) == 2
    assert lines[0].endswith(".venv/bin/uartsim run")
    assert lines[1].endswith(".venv/bin/tox")
    assert lines[1] in (ROOT / ".ci" / "run").read_text()
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(
    ("body", "strict", "outcome"),
    [
        ("pytest.skip('no luck')", False, {"skipped": 1}),
        ("pytest.skip('no luck')", True, {"failed": 1}),
        ("pytest.xfail('known')", True, {"xfailed": 1}),
        ("pass", True, {"passed": 1}),
    ],
)
def test_whatever_skips_fails_where_strict(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, body: str, strict: bool, outcome: dict[str, int]
) -> None:
    monkeypatch.delenv("UARTSIM_STRICT", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(f"import pytest\n\ndef test_it():\n    {body}\n")
    arguments = ["-p", "tests.conftest", *(["--uartsim-strict"] if strict else [])]
    pytester.runpytest(*arguments).assert_outcomes(**outcome)


def test_a_need_that_is_missing_is_skipped_with_its_remedy(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UARTSIM_STRICT", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    pytester.makepyfile("import pytest\n\n@pytest.mark.needs('tmux')\ndef test_it(): pass\n")
    result = pytester.runpytest("-p", "tests.conftest", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*the program tmux is missing: apt-get install tmux"])
