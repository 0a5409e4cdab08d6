"""From a guest and the names of scenarios to the guest that is to be started."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

from uartsim.errors import UsageError
from uartsim.guest.before_boot import with_before_boot
from uartsim.guest.catalogue import GuestDefinition, list_guests
from uartsim.images.image_steps import KernelParameters
from uartsim.images.offline_edit import read_changes
from uartsim.scenarios.begin_steps import BeginStep
from uartsim.scenarios.features import FEATURES, features_of
from uartsim.scenarios.scenario import Scenario, Start
from uartsim.scenarios.scenario_list import find_scenarios


class StagedGuest(NamedTuple):
    """What is to be started.

    Attributes:
        definition: the guest, with all that is done before it boots.
        options: options of the machine and its line, by the names of ``open_console``.
        start: ``"boot"``; or ``"login"`` or ``"shell"``, where it goes on from a snapshot, made if it is not kept yet.
        begin: what is done to the machine once it runs, in this order.
    """

    definition: GuestDefinition
    options: Mapping[str, Any]
    start: Start
    begin: tuple[BeginStep, ...]


def staged(definition: GuestDefinition, names: str | Sequence[str]) -> StagedGuest:
    """A guest in one or more scenarios.

    Raises:
        UsageError: a scenario is unknown, does not fit the guest, cannot be run, or excludes another; the message says
            what fits.
    """
    scenarios = find_scenarios(names)
    for scenario in scenarios:
        check_fits(scenario, definition)
    options: dict[str, Any] = {}
    for scenario in scenarios:
        options |= scenario.options
        definition = _with_kernel(definition, scenario.kernel)
        if scenario.settings:
            definition = definition.with_settings(scenario.settings)
    steps = tuple(step for scenario in scenarios for step in _steps(scenario, definition))
    damage = tuple(each for scenario in scenarios for each in scenario.damage)
    return StagedGuest(
        with_before_boot(definition, steps=steps, damage=damage),
        options,
        _start(scenarios) if definition.kind == "qemu" else "boot",
        tuple(step for scenario in scenarios for step in scenario.begin),
    )


def check_goes_with(*, restore: object = None, writable: object = None) -> None:
    """Check that options do not contradict that the machine is in a scenario.

    Args:
        restore: the option of that name, or None.
        writable: the same.

    Raises:
        UsageError: one does.
    """
    if restore is not None:
        raise UsageError("scenario with restore: a snapshot goes on from where it was saved; leave one of them out")
    if writable:
        raise UsageError(
            "scenario with writable: a scenario changes a private overlay, and a machine that writes to its image has none; "
            "leave one of them out"
        )


def check_beside(names: str | Sequence[str], given: Mapping[str, Any]) -> None:
    """Check that the options that the user gives do not undo a scenario.

    Args:
        names: the scenarios.
        given: options by the names of ``open_console``; only ``net``, ``forward`` and ``edit`` matter.

    Raises:
        UsageError: one does; or ``edit`` is wrong.
    """
    net, edits = given.get("net"), read_changes(given.get("edit"), None).edits
    edited = {posixpath.normpath(edit.path) for edit in edits}
    for scenario in find_scenarios(names):
        wanted = scenario.options.get("net")
        if wanted is not None and net not in (None, wanted):
            raise UsageError(
                f"scenario {scenario.name!r} with net {net!r}: the scenario needs net {wanted!r}; leave one of them out"
            )
        if wanted == "none" and given.get("forward"):
            raise UsageError(
                f"scenario {scenario.name!r} with forward: a forward needs net 'user', and the scenario net 'none'; leave one "
                "of them out"
            )
        for path in (getattr(step, "path", None) for step in scenario.image):
            if path in edited:
                raise UsageError(
                    f"scenario {scenario.name!r} with edit {path}: the scenario changes this file, which edit would replace; "
                    "leave one of them out"
                )


def _start(scenarios: Sequence[Scenario]) -> Start:
    """Where scenarios begin: in the latest state that one of them needs."""
    starts = {scenario.start for scenario in scenarios}
    return "shell" if "shell" in starts else "login" if "login" in starts else "boot"


def check_fits(scenario: Scenario, definition: GuestDefinition) -> None:
    """Check that a scenario can be run on a guest.

    Raises:
        UsageError: it cannot; the message names the guests of the catalogue that fit.
    """
    if scenario.not_run:
        raise UsageError(f"scenario {scenario.name!r} is not run: {scenario.not_run}")
    missing = missing_features(scenario, definition)
    if missing:
        what = ", ".join(FEATURES[name] for name in missing)
        fits = ", ".join(guest.name for guest in fitting_guests(scenario)) or "no guest of the catalogue"
        raise UsageError(
            f"scenario {scenario.name!r} does not fit guest {definition.name!r}: it needs {what}; it fits {fits}"
        )


def missing_features(scenario: Scenario, definition: GuestDefinition) -> list[str]:
    """What a guest lacks for a scenario, in the order of :data:`uartsim.scenarios.features.FEATURES`."""
    lacking = scenario.needs - features_of(definition)
    return [name for name in FEATURES if name in lacking]


def fitting_guests(scenario: Scenario) -> list[GuestDefinition]:
    """The guests of the catalogue that a scenario fits, by name."""
    if scenario.not_run:
        return []
    return [guest for guest in list_guests() if not missing_features(scenario, guest)]


def _steps(scenario: Scenario, definition: GuestDefinition) -> tuple[Any, ...]:
    if scenario.kernel is not None and definition.has_disk:
        return (*scenario.image, scenario.kernel)
    return scenario.image


def _with_kernel(definition: GuestDefinition, kernel: KernelParameters | None) -> GuestDefinition:
    """A guest whose kernel QEMU loads, with another command line; others are left to their GRUB."""
    if kernel is None or definition.has_disk or "append" not in definition.options:
        return definition
    append = kernel.applied(definition.options["append"])
    return replace(definition, options=MappingProxyType({**definition.options, "append": append}))
