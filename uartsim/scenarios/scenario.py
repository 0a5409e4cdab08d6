"""What a scenario is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from uartsim.images.image_steps import Damage, ImageStep, KernelParameters
from uartsim.scenarios.begin_steps import BeginStep

#: Where a scenario begins.
Start = Literal["boot", "login", "shell"]
#: The groups, in the order of the table, with their titles.
GROUPS: Final[Mapping[str, str]] = {
    "rescue": "Rescue",
    "no-answer": "Enter does nothing",
    "boot-loader": "Boot loader",
    "kernel": "Kernel",
    "terminal": "Terminal",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One state of a serial console.

    Attributes:
        name: lower case with dashes, such as ``"broken-fstab"``.
        group: a key of :data:`GROUPS`.
        summary: what has happened, in a few words without a full stop, for lists.
        cause: how it is made, in one sentence.
        shown: what COM1 shows, in one sentence, with its words in ``"``.
        way_out: what is done over the console until the machine is well, in one sentence.
        test: the name of the test that does it.
        rows: rows of ``docs/azure.md`` that it shows.
        needs: what the guest has to have, names of :data:`uartsim.scenarios.features.FEATURES`.
        concerns: what it decides about, in words such as ``"getty"``; two scenarios that share one exclude each other.
        image: what is changed in the image before it boots.
        damage: what is done to the file system with the root directory after that.
        kernel: what is changed on the kernel's command line; for guests without GRUB, on QEMU's.
        settings: settings of the guest.
        options: options of the machine and its line, by the names of ``open_console``, such as ``net`` or ``fault``;
            those that the user gives take precedence, but a ``net`` that undoes it is refused.
        start: ``"boot"``; or ``"login"``, the guest's login prompt, or ``"shell"``, where root has logged in: these start from
            a snapshot that is kept.
        begin: what is done to the machine once it runs, before anybody is at its console.
        not_run: why it cannot be run; empty for all that can.
    """

    name: str
    group: str
    summary: str
    cause: str
    shown: str
    way_out: str
    test: str
    rows: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    concerns: frozenset[str] = frozenset()
    image: tuple[ImageStep, ...] = ()
    damage: tuple[Damage, ...] = ()
    kernel: KernelParameters | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    start: Start = "boot"
    begin: tuple[BeginStep, ...] = ()
    not_run: str = ""
