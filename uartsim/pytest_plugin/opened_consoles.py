"""The consoles that fixtures have opened: whose they are, and which of them a test has used.

A console belongs to the node of its fixture's scope: a test, a class, a module, the session.  There it is kept until it is
closed; one that several tests share moves to the last of them then, so that an error while it closes shows it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.console_use import CURRENT_TEST

if TYPE_CHECKING:
    from _pytest.nodes import Node

    from uartsim.console.blocking_console import Console


@dataclass
class MachineFiles:
    """The files of one machine in a folder of the artifacts.

    Attributes:
        folder: the folder; empty: there are none.
        paths: their paths, by what they are.
        asked: those of them that the mark or the call of a factory asked for.
    """

    folder: str = ""
    paths: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@dataclass(eq=False)
class OpenedConsole:
    """A console, and where it came from.

    Attributes:
        name: its machine's name, which no other console of the test has.
        guest: its guest's name.
        console: the console; that of an async test can only be looked at.
        key: what tells its guest, settings and options from others; empty where nothing depends on it.
        fixture: the fixture in which it was opened; empty: the test itself opened it.
        node: the test, class, module, package or session that it belongs to.
        line: where the guest's one serial port is, if it is not a machine of its own.
        files: what its machine writes into the artifacts.
        has_failed: whether a test that uses it has failed.
    """

    name: str
    guest: str
    console: Console
    key: str
    fixture: str
    node: Node
    line: str = ""
    files: MachineFiles = field(default_factory=MachineFiles)
    has_failed: bool = False


#: The longest name of a file without number and ending, in bytes: file systems allow 255 for all of it.
_LONGEST_STEM: Final = 100
_OPENED: Final = pytest.StashKey[list[OpenedConsole]]()
#: The consoles that are open now, of all nodes.
_OPEN_NOW: Final = pytest.StashKey[list[OpenedConsole]]()
#: The consoles that were closed since that was last asked.
_CLOSED: Final = pytest.StashKey[list[OpenedConsole]]()


def note_opened(opened: OpenedConsole) -> None:
    """A console was opened."""
    opened.node.config.stash.setdefault(_OPEN_NOW, []).append(opened)
    opened.node.stash.setdefault(_OPENED, []).append(opened)


def note_closed(opened: OpenedConsole) -> None:
    """A console was closed: of those that belong to more than a test, the test that runs is the last to have had it."""
    open_now(opened.node.config).remove(opened)
    opened.node.config.stash.setdefault(_CLOSED, []).append(opened)
    test = opened.node.config.stash.get(CURRENT_TEST, None)
    if opened.node is test:
        return
    opened.node.stash[_OPENED].remove(opened)
    if test is not None and opened.fixture in fixtures_of(test):
        test.stash.setdefault(_OPENED, []).append(opened)


def open_now(config: pytest.Config) -> list[OpenedConsole]:
    """The consoles that are open now."""
    return config.stash.setdefault(_OPEN_NOW, [])


def closed_since(config: pytest.Config) -> list[OpenedConsole]:
    """The consoles that were closed since the last call."""
    closed = config.stash.get(_CLOSED, [])
    config.stash[_CLOSED] = []
    return closed


def forget_opened(item: pytest.Item) -> None:
    """A test is about to run, perhaps once more: what it opened before is not its own any more."""
    item.stash[_OPENED] = []


def numbered(name: str, stems: Iterable[str]) -> str:
    """The name, or the name with the first number from 2 on, of which no file is called yet.

    Args:
        name: a machine's name.
        stems: what others are called, as :func:`file_stem` has it.
    """
    taken = set(stems)
    names = (f"{name}-{number}" if number > 1 else name for number in count(1))
    return next(each for each in names if file_stem(each) not in taken)


def file_stem(name: str) -> str:
    """What the files of a machine, or the folder of a test, are called, without number and ending: the end of a long name."""
    words = re.sub(r"[^\w.-]+", "-", name).strip("-.").encode()
    return words[-_LONGEST_STEM:].decode(errors="ignore").lstrip("-.") or "console"


def fixtures_of(item: pytest.Item) -> set[str]:
    """The names of the fixtures that a test has asked for by now, itself or through others."""
    request = getattr(item, "_request", None)  # has those that were asked for by getfixturevalue(), too
    return {*getattr(item, "fixturenames", ()), *getattr(request, "fixturenames", ())}


def opened_of(item: pytest.Item) -> list[OpenedConsole]:
    """The consoles that a test has used, those of wider scopes first."""
    names = fixtures_of(item)
    return [
        opened
        for node in item.listchain()
        for opened in node.stash.get(_OPENED, [])
        if node is item or opened.fixture in names
    ]


def consoles_of(item: pytest.Item) -> list[tuple[str, Console]]:
    """The consoles that a test has used, of every scope, each with its machine's name; also after they were closed."""
    return [(opened.name, opened.console) for opened in opened_of(item)]


def free_name(node: Node, name: str) -> str:
    """A machine's name that is free in the reports of all tests that use it: with a number behind it if need be.

    Args:
        node: the test, class, module, package or session that its console is to belong to.
        name: the name that is wanted.
    """
    test = node.config.stash.get(CURRENT_TEST, None)
    others = [] if test is None else opened_of(test)
    if node is not test:  # another test may use it beside any other that is shared
        others += [each for each in open_now(node.config) if each.node is not test]
    return numbered(name, {file_stem(each.name) for each in others})
