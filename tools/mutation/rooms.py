"""The rooms of the house, and the tests of each.

A room is a module or a package directly under ``uartsim/``.  Its tests are ``tests/ROOM/`` and ``tests/test_ROOM.py``,
and what :data:`TESTS_ELSEWHERE` adds: of these, each mutant meets only those that reach its line.  The modules in
:data:`UNMUTATED` are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

#: The room of ``uartsim/__init__.py``.
FACE = "uartsim"

#: Files and folders of tests that belong to a room beyond those of its name.  What does not exist is an error.
TESTS_ELSEWHERE: dict[str, tuple[str, ...]] = {
    FACE: ("tests/test_packaging.py", "tests/console/test_console_doc.py", "tests/cli/test_mistakes.py"),
    "__main__": ("tests/cli/test_mistakes.py",),
    "guest": ("tests/guests",),
    "machine": ("tests/access/test_formats.py", "tests/wire/test_fault_counters.py"),
    "record": ("tests/trace", "tests/machine/test_taps.py"),
    "trace": ("tests/record", "tests/cli/test_recording_commands.py"),
    "wire": ("tests/machine",),
}

#: Modules that are not mutated, each with the reason in a line.  A room of which nothing else is left has no mutants.
UNMUTATED: dict[str, str] = {
    "uartsim/trace/plot.py": "it draws: sizes, colours and layers are judged by eye; tests look at what is drawn, and where",
}


def rooms(root: Path) -> dict[str, list[Path]]:
    """The modules of each room that may be mutated, relative to the root of the checkout."""
    return {
        room: [file for file in files if file.as_posix() not in UNMUTATED] for room, files in _modules(root).items()
    }


def _modules(root: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in sorted((root / "uartsim").iterdir()):
        if path.name == "__init__.py":
            found[FACE] = [path.relative_to(root)]
        elif path.suffix == ".py":
            found[path.stem] = [path.relative_to(root)]
        elif path.is_dir() and (modules := sorted(path.rglob("*.py"))):
            found[path.name] = [module.relative_to(root) for module in modules]
    return found


def tests_of(root: Path, room: str) -> list[Path]:
    """The files of tests of a room, relative to the root of the checkout.

    Raises:
        ValueError: the table names what does not exist.
    """
    own = (f"tests/{room}", f"tests/test_{room}.py")
    named = TESTS_ELSEWHERE.get(room, ())
    if missing := [path for path in named if not (root / path).exists()]:
        raise ValueError(f"tools/mutation/rooms.py: {', '.join(missing)}: there are no such tests (room {room})")
    return sorted({file.relative_to(root) for path in (*own, *named) for file in _tests_in(root / path)})


def _tests_in(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from path.rglob("test_*.py")
