"""What the marks ``uartsim`` of a test say about its console, and where each option of them is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from uartsim.pytest_plugin.console_use import MARK, OF_A_TEST
from uartsim.pytest_plugin.mark_places import place_of
from uartsim.pytest_plugin.one_sentence import Mistake
from uartsim.pytest_plugin.opened_consoles import fixtures_of

if TYPE_CHECKING:
    from _pytest.nodes import Node

#: The options for which the plugin chooses a file where they are True.
FILES: Final = ("record", "trace", "vcd")
#: Those that are shared: what shares them, and what they go by.
SHARED: Final = {
    "console_module": (
        "its module shares, and which goes by the module's mark alone: write "
        "'pytestmark = pytest.mark.uartsim(...)' at its top"
    ),
    "console_session": (
        "the whole session shares, and which goes by pytest's options alone: "
        "open one with uartsim_factory in a fixture of your own"
    ),
}


@dataclass
class Wanted:
    """The options of a console, and where the marks are that gave them.

    Attributes:
        options: those of ``open_console()``, and ``guest``.
        places: ``FILE:LINE`` of each option.
    """

    options: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)

    def place_for(self, text: str) -> str:
        """The place of the first option that a message mentions, or else that of the nearest mark; empty: there is none."""
        mentioned = [place for name, place in self.places.items() if name != "guest" and name in text]
        return next(iter([*mentioned, *reversed(self.places.values())]), "")


def wanted_of(node: Node) -> Wanted:
    """What the marks of a test or a module say together; of two values for an option, that of the nearest counts."""
    __tracebackhide__ = True
    from uartsim.console.console_options import check_options

    wanted = Wanted()
    for holder, mark in reversed(list(node.iter_markers_with_node(MARK))):
        if mark.args:
            raise Mistake(
                f"mark {MARK} takes no {', '.join(map(repr, mark.args))}: write guest=... and so on",
                place_of(holder, mark),
            )
        try:
            check_options(f"mark {MARK}", mark.kwargs, more=("guest",))
        except TypeError as error:
            raise Mistake(str(error), place_of(holder, mark)) from None
        if mark.kwargs.get("guest") in ([], ()):
            raise Mistake("guest is an empty list: name a guest, such as 'demo', or several", place_of(holder, mark))
        wanted.options |= mark.kwargs
        wanted.places |= dict.fromkeys(mark.kwargs, place_of(holder, mark) if mark.kwargs else "")
    return wanted


def check_kinds(wanted: Wanted) -> None:
    """Fail if the value of an option is of a wrong kind; here a file may also be a bool, and ``restore`` a function."""
    __tracebackhide__ = True
    from uartsim.console.option_checks import mistake_in

    given = {
        name: value
        for name, value in wanted.options.items()
        if not (name in FILES and isinstance(value, bool))
        and not (name == "restore" and callable(value))
        and not (name == "guest" and value is None)
    }
    if (mistake := mistake_in(given)) is not None:
        raise Mistake(mistake[1], wanted.places.get(mistake[0], ""))


def guests_of(marks: Iterable[pytest.Mark]) -> list[Any] | None:
    """The guests that the nearest of some marks with ``guest`` names; None: none does."""
    for mark in marks:
        if "guest" in mark.kwargs:
            guest = mark.kwargs["guest"]
            return list(guest) if isinstance(guest, (list, tuple)) else [guest]
    return None


def check_shared(item: pytest.Item) -> None:
    """Fail if a test has a mark that the console which it shares with others does not go by."""
    __tracebackhide__ = True
    names = fixtures_of(item)
    if names.intersection(OF_A_TEST) or "uartsim_console_factory" in names:
        return
    for fixture in names.intersection(SHARED):
        for holder, mark in item.iter_markers_with_node(MARK):
            if fixture == "console_session" or not isinstance(holder, pytest.Module | pytest.Package):
                raise Mistake(
                    f"mark {MARK} has no effect on {fixture}, which {SHARED[fixture]}, or take the fixture console",
                    place_of(holder, mark),
                )
