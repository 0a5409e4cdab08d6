"""A pytest that stays warm: it loads what tests need once, and forks a child for every mutant.

``python -m tools.mutation.server warm|cold REQUESTS REPLIES TEMPORARY TEST_FILE...``, in a copy of the tree; the two
numbers are file descriptors, for one JSON object a line.

A *warm* server has collected the tests.  Its child puts the code of one changed function in the place of the old and runs
tests: some milliseconds before the first.  A *cold* one has loaded libraries only.  Its child imports and collects
everything anew, as a change of what runs at import needs it.  In both the changed file also lies in the copy, for the
processes that tests start.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FunctionType

import pytest

from tools.mutation.bounded import bound_property_tests, pytest_arguments

_LIBRARIES = (
    *(
        "_pytest.pytester",
        "hypothesis.stateful",
        "trio.testing",
        "click",
        "rich.console",
        "rich.progress",
        "rich.table",
    ),
    *("pyte", "platformdirs", "filelock", "serial", "vcd", "wcwidth", "tomllib", "sqlite3", "pexpect"),
)
_PR_SET_CHILD_SUBREAPER = 36
#: How long importing and collecting may take in the child of a cold server, in seconds.
_COLLECTING_S = 60.0
#: What a child may use of memory, in bytes: a mutant may fill it without end.
_MEMORY = 8 << 30


class Tests:
    """Runs tests in their order, says which one starts, and ends the process at the first failure."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """End the process if the test has failed."""
        if report.failed:
            self._say(f"failed {report.nodeid}")
            os._exit(1)

    def run(self, items: list[pytest.Item]) -> None:
        """Run the tests, and end the process."""
        for number, item in enumerate(items):
            self._say(f"start {item.nodeid}")
            following = items[number + 1] if number + 1 < len(items) else None
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        self._say("passed")
        os._exit(0)


class _Warm:
    """Serves in place of pytest's own loop over the tests."""

    def __init__(self, requests: int, replies: int) -> None:
        self._requests = requests
        self._replies = replies

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        bound_property_tests(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        items = {item.nodeid: item for item in session.items}
        functions = _functions()
        _leave_no_byte_code()
        gc.collect()
        gc.freeze()

        def child(request: dict[str, object], say: Callable[[str], None]) -> None:
            if request["function"] and not _put_in_place(request, functions):
                say("cold")
                os._exit(0)
            tests = request["tests"]
            assert isinstance(tests, dict)
            runner = Tests(say)
            session.config.pluginmanager.register(runner)
            runner.run([items[test] for test in tests if test in items])

        _serve(self._requests, self._replies, child)
        os._exit(0)


class _Chosen(Tests):
    """Chooses and orders the tests of a cold child."""

    def __init__(self, say: Callable[[str], None], tests: dict[str, float]) -> None:
        super().__init__(say)
        self._wanted = tests

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {test: number for number, test in enumerate(self._wanted)}
        # A changed table may have given tests that are made of it other names.
        bases = {test.partition("[")[0] for test in set(order) - {item.nodeid for item in items}}
        items[:] = [item for item in items if item.nodeid in order or item.nodeid.partition("[")[0] in bases]
        items.sort(key=lambda item: order.get(item.nodeid, len(order)))
        bound_property_tests(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:  # a module of tests, or of ours, cannot be imported any more
            self._say("failed import")
            os._exit(1)
        self.run(session.items)
        return True


def _cold(temporary: Path) -> Callable[[dict[str, object], Callable[[str], None]], None]:
    def child(request: dict[str, object], say: Callable[[str], None]) -> None:
        tests = request["tests"]
        assert isinstance(tests, dict)
        files = list(dict.fromkeys(test.partition("::")[0] for test in tests))
        pytest.main([*pytest_arguments(temporary), *files], plugins=[_Chosen(say, tests)])
        say("failed import")
        os._exit(1)

    return child


def _leave_no_byte_code() -> None:
    """From here on a module may be a mutant: its byte code must not stay."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"


def _functions() -> dict[tuple[str, str, int], list[FunctionType]]:
    """All functions of uartsim that there are, by file, qualified name and first line."""
    found: dict[tuple[str, str, int], list[FunctionType]] = {}
    root = str(Path.cwd() / "uartsim") + os.sep
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename.startswith(root):
            code = thing.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(thing)
    return found


def _put_in_place(request: dict[str, object], functions: dict[tuple[str, str, int], list[FunctionType]]) -> bool:
    """Give the function that the mutant is in its changed code.  False where only an import of it anew would do."""
    file = str(Path.cwd() / str(request["file"]))
    changed = _code_of(compile(Path(file).read_bytes(), file, "exec", dont_inherit=True), str(request["function"]))
    if not any(getattr(module, "__file__", None) == file for module in list(sys.modules.values())):
        return True  # not loaded yet: the changed file will be
    live = functions.get((file, changed.co_qualname, changed.co_firstlineno), [])
    if not live or any(len(function.__code__.co_freevars) != len(changed.co_freevars) for function in live):
        return False
    for function in live:
        function.__code__ = changed
    return True


def _code_of(code: CodeType, name: str) -> CodeType:
    def inner(code: CodeType) -> Iterator[CodeType]:
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield constant
                yield from inner(constant)

    # Of two with one name, as a property and its setter, the request names the first line too.
    wanted, _, line = name.partition("@")
    return next(found for found in inner(code) if found.co_qualname == wanted and str(found.co_firstlineno) == line)


def _serve(requests: int, replies: int, child: Callable[[dict[str, object], Callable[[str], None]], None]) -> None:
    """Answer requests until there are no more."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with open(requests, encoding="utf-8") as lines, open(replies, "w", encoding="utf-8") as out:
        print(json.dumps({"outcome": "ready"}), file=out, flush=True)
        for line in lines:
            print(json.dumps(_fork(json.loads(line), child)), file=out, flush=True)


def _fork(
    request: dict[str, object], child: Callable[[dict[str, object], Callable[[str], None]], None]
) -> dict[str, object]:
    """One child for one request: what became of it, and the test that was running last."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            child(request, lambda text: (os.write(writing, f"{text}\n".encode()), None)[1])
        finally:
            os._exit(1)
    os.close(writing)
    try:
        return _follow(reading, request["tests"])
    finally:
        os.close(reading)
        _end(pid)


def _follow(reading: int, limits: object) -> dict[str, object]:
    assert isinstance(limits, dict)
    deadline = time.monotonic() + _COLLECTING_S
    pending, running = b"", ""
    while select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
        if not (data := os.read(reading, 65536)):
            return {"outcome": "killed", "test": running}
        *said, pending = (pending + data).split(b"\n")
        for line in said:
            word, _, test = line.decode().partition(" ")
            if word == "start":
                running, deadline = test, time.monotonic() + limits.get(test, max(limits.values()))
            elif word == "failed":
                return {"outcome": "killed", "test": test}
            else:
                return {"outcome": "survived" if word == "passed" else word, "test": ""}
    return {"outcome": "timeout", "test": running}


def _end(pid: int) -> None:
    """End a child, and what its tests have left behind: as the subreaper this process becomes their parent."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    own = Path(f"/proc/self/task/{os.getpid()}/children")
    while left := own.read_text().split():
        for child in left:
            os.kill(int(child), signal.SIGKILL)
            os.waitpid(int(child), 0)


def main(kind: str, requests: str, replies: str, temporary: str, *test_files: str) -> None:
    """Serve until the requests end."""
    for name in _LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
    if kind == "cold":
        _leave_no_byte_code()
        gc.freeze()
        _serve(int(requests), int(replies), _cold(Path(temporary)))
    else:
        arguments = [*pytest_arguments(Path(temporary)), *test_files]
        sys.exit(pytest.main(arguments, plugins=[_Warm(int(requests), int(replies))]))


if __name__ == "__main__":
    main(*sys.argv[1:])
