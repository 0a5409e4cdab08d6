"""A copy of the checkout in which mutants are put, and the servers that run tests in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from .mutants import Mutant

_NOT_COPIED = (".git", ".venv", ".tox", "__pycache__", "build", "dist", "*.egg-info", ".hypothesis", ".*_cache")


class Tree:
    """A temporary copy of the checkout, for one run."""

    def __init__(self, checkout: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="uartsim-mutation-", ignore_cleanup_errors=True)
        self.root = Path(self._folder.name) / "tree"
        shutil.copytree(checkout, self.root, ignore=shutil.ignore_patterns(*_NOT_COPIED), symlinks=True)
        runtime = Path(self._folder.name) / "run"
        runtime.mkdir(mode=0o700)
        self._runtime = runtime

    def new_folder(self) -> Path:
        """A new empty folder beside the copy."""
        return Path(tempfile.mkdtemp(dir=self._folder.name))

    def environment(self, measured: bool = False) -> dict[str, str]:
        """The environment for what runs in the copy: it comes before whatever is installed."""
        path = [str(self.root / "tools" / "mutation" / "hook")] if measured else []
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*path, str(self.root)]),
            "UARTSIM_RUNTIME_DIR": str(self._runtime),
            "PYTEST_ADDOPTS": "",
        }

    def remove(self) -> None:
        """Remove the copy."""
        self._folder.cleanup()


@dataclass(frozen=True)
class Reply:
    """What became of a mutant: ``killed``, ``timeout``, ``survived``, or ``cold`` for one that needs a cold server."""

    outcome: str
    test: str


class Server:
    """One running ``tools.mutation.server``."""

    def __init__(self, tree: Tree, kind: str, test_files: Iterable[str] = ()) -> None:
        requests, sending = os.pipe()
        receiving, replies = os.pipe()
        temporary = tree.new_folder()
        with (temporary / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tools.mutation.server", kind, str(requests), str(replies)),
                    *(str(temporary / "tests"), *test_files),
                ],
                cwd=tree.root,
                env=tree.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(requests, replies),
            )
        os.close(requests)
        os.close(replies)
        self._out = os.fdopen(sending, "w", encoding="utf-8")
        self._in = os.fdopen(receiving, encoding="utf-8")
        if not self._in.readline():
            raise RuntimeError(f"pytest does not start in the copy:\n{(temporary / 'log').read_text()}")

    def run(self, file: str, function: str | None, limits: Mapping[str, float]) -> Reply:
        """Run tests in their order, up to the first failure.

        Args:
            file: the changed file.
            function: the function that holds the change; None for no change, or with a cold server.
            limits: how long each test may take, in seconds.
        """
        print(json.dumps({"file": file, "function": function, "tests": dict(limits)}), file=self._out, flush=True)
        reply = json.loads(self._in.readline())
        return Reply(reply["outcome"], reply["test"])

    def close(self) -> None:
        """End the server."""
        self._out.close()
        self._process.wait()
        self._in.close()


class Worker:
    """Runs mutants one after the other, in one copy of the tree."""

    def __init__(self, checkout: Path, test_files: Iterable[Path]) -> None:
        self.tree = Tree(checkout)
        self._test_files = list(map(str, test_files))
        self._servers: dict[str, Server] = {}
        #: Whether a test passes with nothing changed, by the kind of server.
        self._sound: dict[tuple[str, str], bool] = {}
        self._changes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._servers.values():
            server.close()
        self.tree.remove()

    def run(self, mutant: Mutant, at_import: bool, limits: Mapping[str, float]) -> Reply:
        """What the tests make of a mutant.

        Args:
            mutant: the change.
            at_import: whether it takes effect only where the module is imported anew.
            limits: the tests in their order, and how long each may take, in seconds.
        """
        kind = "cold" if at_import else "warm"
        left = dict(limits)
        while left:
            server = self._server(kind)
            with _Changed(self.tree.root / mutant.file, mutant.changed, self._next_time()):
                reply = server.run(mutant.file, None if at_import else mutant.function, left)
            if reply.outcome == "cold":
                return self.run(mutant, True, limits)
            if reply.test not in left or self._is_sound(kind, reply.test, left[reply.test]):
                return reply
            del left[reply.test]
        return Reply("survived", "")

    def _is_sound(self, kind: str, test: str, limit: float) -> bool:
        """Whether a test passes here while nothing is changed: only then does its failure count."""
        if (kind, test) not in self._sound:
            self._sound[kind, test] = self._server(kind).run("", None, {test: limit}).outcome == "survived"
        return self._sound[kind, test]

    def _server(self, kind: str) -> Server:
        # The warm server comes first in any case: it leaves the byte code of everything in the copy.
        for each in ("warm", kind):
            if each not in self._servers:
                self._servers[each] = Server(self.tree, each, self._test_files if each == "warm" else ())
        return self._servers[kind]

    def _next_time(self) -> int:
        """A time for a changed file that no byte code in the copy has."""
        self._changes += 1
        return self._changes


class _Changed:
    """A file with another text, until left."""

    def __init__(self, file: Path, text: bytes, time_s: int) -> None:
        self._file, self._text, self._time_s = file, text, time_s

    def __enter__(self) -> None:
        self._before = self._file.read_bytes(), self._file.stat().st_mtime_ns
        self._file.write_bytes(self._text)
        os.utime(self._file, (self._time_s, self._time_s))

    def __exit__(self, *_: object) -> None:
        text, time_ns = self._before
        self._file.write_bytes(text)
        os.utime(self._file, ns=(time_ns, time_ns))
