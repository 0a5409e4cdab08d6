"""What process and QEMU guests read in a manifest: ``{NAME}`` in its strings, and the setting ``baud``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from uartsim.guest.catalogue import GuestDefinition
from uartsim.line_format import LineFormat, UsageError
from uartsim.machine.driver import divisor_of

_PLACEHOLDER: Final = re.compile(r"\{\{|\}\}|\{([a-z][a-z0-9_]*)\}")


def fill_in(text: str, values: Mapping[str, object], where: str) -> str:
    """``text`` with every ``{NAME}`` replaced by its value; ``{{`` and ``}}`` stand for single braces.

    Args:
        text: a string of a manifest.
        values: what each name stands for; true and false become 1 and 0, as kernels and shells have it.
        where: the place, for the message.

    Raises:
        UsageError: a name that is not in ``values``.
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
    """The format in which the guest opens COM1: 8N1 at the speed of its setting ``baud``, or else 115200.

    Raises:
        UsageError: no UART has that speed.
    """
    try:
        line_format = LineFormat.from_baud(definition.settings.get("baud", 115200))
        divisor_of(line_format)
    except (TypeError, ValueError, UsageError) as error:
        raise UsageError(f"guest {definition.name!r}, setting 'baud': {error}") from None
    return line_format
