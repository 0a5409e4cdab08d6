"""The switches with which ``uartsim serve`` fails on purpose; Azure has nothing like it.

A switch is written as NAME=VALUE: ``on``, ``off``, how many times it happens, or for a delay how long (``2.5s``), and both
with an ``x`` between (``2.5sx3``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import httpx

from uartsim.azure_client.http_requests import fields_of
from uartsim.azure_client.management import Management
from uartsim.errors import UsageError
from uartsim.printable import printable_line, quoted

_PATH: Final = "/_uartsim/faults"
_VALUE: Final = re.compile(r"(?P<delay>\d{1,9}(?:\.\d{1,9})?)s(?:x(?P<times>\d{1,9}))?|(?P<count>\d{1,9})", re.ASCII)


def read_switches(words: Iterable[str]) -> dict[str, Any]:
    """The switches as the service takes them.

    Args:
        words: such as ``internal_error=1``.

    Raises:
        UsageError: one of them is not a switch.
    """
    table: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise UsageError(f"{quoted(word)} is not NAME=VALUE: use one such as internal_error=1 or drop_socket=on")
        table[name] = _value(name, value)
    return table


def _value(name: str, value: str) -> Any:
    if value in ("on", "off"):
        return value == "on"
    found = _VALUE.fullmatch(value)
    if found is None:
        raise UsageError(
            f"{quoted(name)}={quoted(value)}: use on, off, a number of times such as 3, a delay such as 2.5s, or 2.5sx3"
        )
    if found["count"] is not None:
        return int(found["count"])
    return {"delay_s": float(found["delay"]), "count": int(found["times"]) if found["times"] else None}


async def switch_faults(management: Management, table: Mapping[str, Any], *, clear: bool = False) -> dict[str, Any]:
    """Switch faults on and off.

    Args:
        management: the service.
        table: what :func:`read_switches` made; it may be empty.
        clear: whether everything is switched off before.

    Returns:
        what is on now.

    Raises:
        ConsoleError: the service refuses, or has no such switches.
    """
    shown = await _ask(management, "DELETE" if clear else "GET")
    return await _ask(management, "POST", dict(table)) if table else shown


async def _ask(management: Management, method: str, body: object = None) -> dict[str, Any]:
    async def send(token: str) -> httpx.Response:
        url = management.http.address.url + _PATH
        return await management.http.request(method, url, headers={"Authorization": f"Bearer {token}"}, body=body)

    return fields_of(await management.with_token(send))


def fault_lines(shown: Mapping[str, Any]) -> Iterator[str]:
    """A line for each fault that is on."""
    for name, fault in sorted(shown.items()):
        fields = fault if isinstance(fault, Mapping) else {}
        count = fields.get("count")
        times = "until it is switched off" if count is None else f"{count} more time{'s' * (count != 1)}"
        delay = f"{fields['delay_s']} s, " if "delay_s" in fields else ""
        yield printable_line(f"{name}: {delay}{times}")
