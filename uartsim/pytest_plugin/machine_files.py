"""Files that a machine writes while a test runs: the record of its line, the trace of its registers, the waveform of its pins.

``record=True``, ``trace=True`` and ``vcd=True``, in the mark or the factories, put them into the folder of the test's
artifacts, as do ``--uartsim-trace`` and ``--uartsim-vcd`` for all tests.  A console that several tests share has a folder of
its own.  What was asked for by True is kept; what an option asks for is kept of the tests that ``--uartsim-record`` says, and
is else removed when the test is over.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from uartsim.pytest_plugin.artifacts import KEPT, folder_for
from uartsim.pytest_plugin.console_use import CURRENT_TEST
from uartsim.pytest_plugin.one_sentence import Mistake
from uartsim.pytest_plugin.opened_consoles import MachineFiles, OpenedConsole, closed_since, file_stem
from uartsim.pytest_plugin.plugin_options import RECORD, TRACE, VCD, Option

if TYPE_CHECKING:
    from _pytest.nodes import Node

    from uartsim.pytest_plugin.console_marks import Wanted

#: What each option of a console writes: what it is called, and how its name ends.
_KINDS: Final = {"record": ("record", ".jsonl"), "trace": ("trace", ".trace"), "vcd": ("waveform", ".vcd")}
#: The options that have it for all tests.
_FOR_ALL: Final[dict[str, Option]] = {"trace": TRACE, "vcd": VCD}


def place_files(config: pytest.Config, node: Node, fixture: str, name: str, wanted: Wanted) -> MachineFiles:
    """Put the paths of the files into a console's options, where there is True, or an option for all tests.

    Args:
        config: pytest's.
        node: what the console belongs to.
        fixture: the fixture that opens it; empty: a test itself.
        name: the machine's name.
        wanted: the options, and where they are written.
    """
    __tracebackhide__ = True
    chosen = _chosen(config, wanted)
    files = MachineFiles()
    if not chosen:
        return files
    files.folder = _folder(config, node, fixture)
    for option, is_asked in chosen.items():
        what, ending = _KINDS[option]
        path = os.path.join(files.folder, f"{file_stem(name)}{ending}")
        wanted.options[option] = files.paths[what.capitalize()] = path
        files.asked += [what.capitalize()] if is_asked else []
    return files


def _folder(config: pytest.Config, node: Node, fixture: str) -> str:
    """The folder of the test to which a console belongs, or a new one of the console."""
    __tracebackhide__ = True
    from uartsim.errors import UartsimError

    test = config.stash.get(CURRENT_TEST, None)
    try:
        return folder_for(test) if node is test else config.stash[KEPT].folder_of(f"{node.nodeid}-{fixture}")
    except (UartsimError, OSError) as error:
        why = str(error)
    raise Mistake(why)


def _chosen(config: pytest.Config, wanted: Wanted) -> dict[str, bool]:
    """The files that belong into the artifacts, each with whether it is asked for by True."""
    __tracebackhide__ = True
    options, chosen = wanted.options, {}
    for option, (what, _) in _KINDS.items():
        value: Any = options.get(option)
        if isinstance(value, bool):
            del options[option]
        if value is True:
            chosen[option] = True
        elif value is None and option in _FOR_ALL and _FOR_ALL[option].value(config) and _can_have(option, options):
            if RECORD.value(config) != "none":
                chosen[option] = False
        elif isinstance(value, (str, os.PathLike)) and os.path.lexists(value):
            raise Mistake(
                f"the {what} {os.fspath(value)} exists: remove it, give another file, or write {option}=True, which "
                "makes a new one in the folder of each test's files",
                wanted.places.get(option, ""),
            )
    return chosen


def _can_have(option: str, options: dict[str, Any]) -> bool:
    """Whether a machine can write it: at the unlimited rate, there is no waveform."""
    return option != "vcd" or not (options.get("rate") == "unlimited" or options.get("unlimited"))


def discard(config: pytest.Config, files: MachineFiles) -> None:
    """Remove the files of a machine that has not started."""
    if files.folder:
        config.stash[KEPT].discard(files.folder, files.paths.values())


def drop_unwanted(config: pytest.Config) -> None:
    """A test is over: remove the files of the consoles that were closed meanwhile, where nobody wants them."""
    for opened in closed_since(config):
        files = opened.files
        if opened.has_failed or RECORD.value(config) == "all" or not files.folder:
            continue
        unwanted = [path for what, path in files.paths.items() if what not in files.asked]
        if unwanted:
            config.stash[KEPT].discard(files.folder, unwanted)


def asked_files(opened: OpenedConsole) -> dict[str, str]:
    """The paths of those files of a console that are kept of a test that passes, by what they are."""
    return {what: opened.files.paths[what] for what in opened.files.asked}
