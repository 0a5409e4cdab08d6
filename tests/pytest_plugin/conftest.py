"""A suite of a user's, in a folder of its own, with the plugin and guests that say what a test needs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from tests.console.fakes import write_guest
from uartsim.pytest_plugin.plugin_options import OPTIONS

PLUGIN = "uartsim.pytest_plugin"
#: What a user may have set, and the test must not depend on.
ENVIRONMENT = (
    *(option.environment for option in OPTIONS),
    "CI",  # pytest then ends no line early
    "GITHUB_ACTIONS",
    "GITLAB_CI",
)

#: Says a word, and then answers each line with the same in capitals.
TALKER = """
word = host.settings["word"]
await tty.write(f"{word}\\r\\n> ".encode())
while True:
    line = bytearray()
    while not line.endswith(b"\\r"):
        data = (await tty.receive()).data
        await tty.write(data)
        line += data
    await tty.write(b"\\nyou said " + bytes(line).strip().upper() + b"\\r\\n> ")
"""
#: Boots into a kernel panic.
BROKEN = """
await tty.write(b"Booting\\r\\n[    1.000000] Kernel panic - not syncing: VFS: Unable to mount root fs\\r\\n")
await trio.sleep_forever()
"""
#: Boots, and says nothing more.
SILENT = 'await tty.write(b"Booting\\r\\n")\nawait trio.sleep_forever()'


@pytest.fixture
def bare_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite in a folder of its own, which depends on nothing that a user or CI has set."""
    for name in ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    # Installed, the plugin comes by its entry point; the autoload of plugins is off, so that both ways are one.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return pytester


@pytest.fixture
def talkers(bare_suite: pytest.Pytester) -> pytest.Pytester:
    """A suite with the guests ``talker``, ``other``, ``broken`` and ``silent``."""
    pytester = bare_suite
    for name in ("talker", "other"):
        write_guest(pytester.path / name, TALKER, settings=f'word = "{name}"')
    write_guest(pytester.path / "broken", BROKEN)
    write_guest(pytester.path / "silent", SILENT)
    return pytester


class ImportedModules:
    """A plugin that remembers what a session has imported: at its end pytester takes all of that out of ``sys.modules``.

    What is imported late would then be there twice, and an object of a class of the first would be none of the second's.
    """

    def __init__(self) -> None:
        self._found: dict[str, ModuleType] = {}

    def pytest_unconfigure(self) -> None:
        self._found = dict(sys.modules)

    def restore(self) -> None:
        """Put back those of uartsim, its guests and what they need."""
        for name, module in self._found.items():
            if getattr(module, "__file__", None) and "test_" not in name and name != "conftest":
                sys.modules.setdefault(name, module)


@pytest.fixture
def run_tests(talkers: pytest.Pytester) -> Callable[..., pytest.RunResult]:
    """Writes a module of tests, and runs it with arguments in this process."""

    def run(tests: str, *arguments: str) -> pytest.RunResult:
        talkers.makepyfile(test_it=tests)
        imported = ImportedModules()
        try:
            return talkers.runpytest("-p", PLUGIN, "--strict-markers", *arguments, plugins=[imported])
        finally:
            imported.restore()

    return run
