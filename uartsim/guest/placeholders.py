"""Placeholders such as ``{NAME}`` in a manifest's strings, and the setting ``baud``: for process and QEMU guests."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from uartsim.errors import UsageError
from uartsim.guest.catalogue import GuestDefinition
from uartsim.line_format import LineFormat
from uartsim.machine.driver import divisor_of

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")


def fill_in(text: str, values: Mapping[str, object], where: str) -> str:
    """``text`` with every ``{NAME}`` replaced by its value; ``{{`` and ``}}`` stand for single braces.

    Args:
        text: a string of a manifest.
        values: the values by name; true and false become 1 and 0, the usual form for kernels and shells.
        where: the place of the text, for the error message.

    Raises:
        UsageError: a name is not in ``values``.
    """

    def replacement(match: re.Match[str]) -> str:
        name = match[1]
        if name is None:
            return match[0][0]
        if name not in values:
            raise UsageError(
                f"{where}: unknown placeholder {{{name}}} in {text!r}; possible: {', '.join(sorted(values))}"
            )
        value = values[name]
        return str(int(value)) if isinstance(value, bool) else str(value)

    return _PLACEHOLDER.sub(replacement, text)


def format_of(definition: GuestDefinition) -> LineFormat:
    """The format in which the guest opens COM1: 8N1 at the speed of its setting ``baud``, by default 115200.

    Raises:
        UsageError: the UART cannot run at that speed.
    """
    try:
        line_format = LineFormat.from_baud(definition.settings.get("baud", 115200))
        divisor_of(line_format)
    except (TypeError, ValueError, UsageError) as error:
        raise UsageError(f"guest {definition.name!r}, setting 'baud': {error}") from None
    return line_format
