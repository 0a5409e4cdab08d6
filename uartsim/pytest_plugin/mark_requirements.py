"""The mark ``uartsim_requires``: what this machine must have for a test, which skips with the remedy where it lacks it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import pytest

from uartsim.pytest_plugin.console_use import REQUIRES
from uartsim.pytest_plugin.mark_places import place_of
from uartsim.pytest_plugin.one_sentence import Mistake, skip_or_fail

if TYPE_CHECKING:
    from uartsim.guest.catalogue import Need

_KVM: Final = "/dev/kvm"


def check_requirements(item: pytest.Item) -> None:
    """Skip a test if this machine lacks something that its marks name; fail where a mark is wrong."""
    __tracebackhide__ = True
    missing: list[str] = []
    for holder, mark in reversed(list(item.iter_markers_with_node(REQUIRES))):
        try:
            missing += [text for text in _missing(mark) if text not in missing]
        except ValueError as error:
            raise Mistake(str(error), place_of(holder, mark)) from None
    if missing:
        skip_or_fail(item.config, "; ".join(missing), is_of_test=True)


def _missing(mark: pytest.Mark) -> list[str]:
    """What is missing of what a mark names, each with its remedy.

    Raises:
        ValueError: the mark is wrong.
    """
    from uartsim.errors import UsageError
    from uartsim.guest.catalogue import find_guest

    unknown = [name for name in mark.kwargs if name != "guest"]
    if unknown:
        raise ValueError(f"mark {REQUIRES} has no option {unknown[0]!r}: it takes names, such as 'kvm', and guest=NAME")
    if not mark.args and "guest" not in mark.kwargs:
        raise ValueError(
            f"mark {REQUIRES} names nothing: write 'kvm', 'root', a program, the path of a file, or guest=NAME"
        )
    wrong = [name for name in mark.args if not isinstance(name, str) or not name]
    if wrong:
        raise ValueError(
            f"mark {REQUIRES} takes no {wrong[0]!r}: write 'kvm', 'root', a program, the path of a file, or guest=NAME"
        )
    found = [text for name in mark.args if (text := _kvm() if name == "kvm" else _need(name).missing()) is not None]
    guests = mark.kwargs.get("guest", [])
    for guest in guests if isinstance(guests, (list, tuple)) else [guests]:
        try:
            definition = find_guest(str(guest))
        except UsageError as error:
            raise ValueError(str(error)) from None
        found += [text for need in definition.needs if (text := need.missing()) is not None]
    return found


def kvm_is_there() -> bool:
    """Whether the kernel offers KVM."""
    return os.path.exists(_KVM)


def kvm_can_be_opened() -> bool:
    """Whether this user may use it."""
    return os.access(_KVM, os.R_OK | os.W_OK)


def _kvm() -> str | None:
    """What is wrong with KVM, and how to get it, or None."""
    if not kvm_is_there():
        return (
            f"KVM is needed: there is no {_KVM}: switch virtualisation on in the firmware and load kvm_intel or kvm_amd"
        )
    if not kvm_can_be_opened():
        return f"KVM is needed: {_KVM} cannot be opened: sudo usermod -aG kvm $USER, and log in again"
    return None


def _need(name: str) -> Need:
    """What a name in the mark stands for; who installs it is what the catalogue says of it."""
    from uartsim.guest.catalogue import Need, list_guests

    if name == "root":
        return Need("root", "root")
    kind = "file" if name.startswith("/") else "program"
    for guest in list_guests():
        for need in guest.needs:
            if (need.kind, need.value) == (kind, name) and need.install:
                return need
    where = "put it there" if kind == "file" else f"install the package that has {name}, or put it into PATH"
    return Need(kind, name, where)
