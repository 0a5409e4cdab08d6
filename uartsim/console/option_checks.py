"""What the values of a console's options may be: one table, which is gone by before anything starts.

It has the kind of each value.  Whether a name in it exists, such as that of a setting or a fault, is seen where it is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from uartsim.console.arguments import is_number
from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.machine.port_options import OLD_NAMES
from uartsim.printable import quoted
from uartsim.registers import VARIANTS
from uartsim.wire.faults import Fault

#: The longest name of a machine, in characters.
LONGEST_NAME: Final = 100

_Check = Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and value.isprintable()


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_time(value: Any) -> bool:
    return is_number(value) and value >= 0


def _is_factor(value: Any) -> bool:
    return is_number(value) and 0 < value <= sys.float_info.max


def _is_path(value: Any) -> bool:
    if not isinstance(value, (str, os.PathLike)):
        return False
    path = os.fspath(value)
    return isinstance(path, str) and bool(path) and "\0" not in path


def _is_list(*kinds: type) -> _Check:
    return lambda value: isinstance(value, (list, tuple)) and all(isinstance(each, kinds) for each in value)


def _are_ids(value: Any) -> bool:
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        return False
    return not isinstance(value, Collection) or all(isinstance(each, str) for each in value)


def _are_settings(value: Any) -> bool:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        return False
    try:
        return all(str(each) is not None for each in value.values())
    except Exception:  # such as an int of more digits than Python writes
        return False


def _is_none(value: Any) -> bool:
    return value is None


_A_FILE: Final = "use the path of a new file; only pytest's mark and factories choose one for True"
_A_FAULT: Final = "give a text such as 'noise:rate=1e-4,seed=7', or a list of them"
_A_SWITCH: Final = "use True or False"
_IS_FAULT: Final = (_is_none, lambda value: isinstance(value, (str, Fault)), _is_list(str, Fault))
#: What each option may be, of which one must be so, and what to use.
_TABLE: Final[dict[str, tuple[tuple[_Check, ...], str]]] = {
    "guest": (
        (lambda value: isinstance(value, (str, os.PathLike, GuestDefinition)),),
        "give a guest's name, such as 'demo', or the path of its folder",
    ),
    "settings": ((_is_none, _are_settings), "give names with their values, such as {'grub_timeout': 0}"),
    "timeout": ((_is_none, _is_time), "give seconds, 0 or more, or None to wait for ever"),
    "timeout_scale": ((_is_factor,), "use a factor above 0, such as 3"),
    "problems": (
        (_is_none, _is_path, lambda value: isinstance(value, Mapping), _is_list(str, os.PathLike, Mapping)),
        "give a file of problems, an entry as a mapping, or a list of them",
    ),
    "allow": ((_are_ids,), "give a list of ids, such as ['linux.panic']"),
    "name": ((_is_none, _is_name), f"give a text of at most {LONGEST_NAME} characters, without control characters"),
    "clock": ((_is_none, _is_text), "use 'real' or 'virtual'"),
    "log": ((_is_none, callable), "give a function, which is called with each line"),
    "uart": ((_is_none, _is_name), f"use one of {', '.join(VARIANTS)}"),
    "strict_line": ((_is_switch,), _A_SWITCH),
    "rate": ((_is_text,), "use 'line' or 'unlimited'"),
    "flow": ((_is_text,), "use 'none' or 'rtscts'"),
    "fault": (_IS_FAULT, _A_FAULT),
    "faults": (_IS_FAULT, _A_FAULT),
    "unlimited": ((_is_switch,), _A_SWITCH),
    "flow_control": ((_is_switch,), _A_SWITCH),
    "record": ((_is_none, _is_path), _A_FILE),
    "trace": ((_is_none, _is_path), _A_FILE),
    "vcd": ((_is_none, _is_path), _A_FILE),
    "line_policy": ((_is_text,), "use 'refuse' or 'take-over'"),
    "registers": ((_is_none, _is_switch), "use True, False, or None for what is possible here"),
    "restore": (
        (_is_none, _is_path),
        "give the folder of a snapshot; only pytest's mark and factories take a function",
    ),
    "scenario": ((_is_none, _is_text, _is_list(str)), "give the name of a scenario, or a list of them"),
    "seed": ((_is_none, _is_path), "give a seed as for 'uartsim run --seed', or 'none'"),
}


def mistake_in(options: Mapping[str, Any]) -> tuple[str, str] | None:
    """The first option whose value is of a wrong kind, or that is given under two names, with a sentence; None: there is none.

    Args:
        options: values by the names of the options; what is not in the table is seen elsewhere.
    """
    for name, value in options.items():
        checks, use = _TABLE.get(name, ((), ""))
        if checks and not any(check(value) for check in checks):
            return name, f"{name} is {quoted(value)}: {use}"
        new = OLD_NAMES.get(name)
        if new in options:
            return name, f"{name} is the older name of {new}: give only {new}"
    return None


def check_values(options: Mapping[str, Any]) -> None:
    """Check the kinds of options' values.

    Raises:
        UsageError: one is of a wrong kind, or given under two names; the sentence says what to use.
    """
    __tracebackhide__ = True
    if (mistake := mistake_in(options)) is not None:
        raise UsageError(mistake[1])
