"""How far a guest's boot has come, by what it sends: firmware, boot loader, menu, kernel, init, login prompt.

A stage is reached when the first line of it is seen.  A guest may leave stages out: a virtual machine that boots a kernel
directly shows no loader, and a quiet kernel nothing at all.  When firmware or loader appear again, another boot has begun,
as with whatever comes after a kernel's last words.
No I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

#: The stages, in the order of a boot.
BOOT_STAGES: Final = ("firmware", "loader", "menu", "kernel", "init", "login")
#: What stands in the first line of a stage.  Every expression needs one of the texts of :data:`_QUICK`.
_SIGNS: Final = {
    "firmware": rb"SeaBIOS \(version|UEFI firmware \(version|U-Boot (?:SPL )?\d{4}\.|NOTICE:  BL1: |coreboot-\d",
    "loader": (
        rb"BdsDxe: (?:loading|starting) |Welcome to GRUB!|GRUB loading|(?:SYS|ISO|PXE|EXT)LINUX \d|iPXE \d"
        rb"|>> (?:Free|Open|Net)BSD/\S+ (?:BOOT|boot block|BIOS Boot)"
    ),
    "menu": (
        rb"GNU GRUB  version|The highlighted entry will be executed|Windows Boot Manager|Press \[Tab\] to edit options"
        rb"|(?<=\n)boot: (?![^\r\n\x1b])"
    ),
    "kernel": (
        rb"(?<![/\w])Linux version \d|(?:(?<=\n)|(?<=\] ))Command line: |EFI stub: |Booting Linux on physical CPU"
        rb"|Decompressing Linux|Copyright \(c\) \d+-\d+ The FreeBSD"
    ),
    "init": (
        rb"Run /\S+ as init process|systemd\[1\]: systemd \S+ running in|INIT: version \d|OpenRC \d"
        rb"|(?:(?<=\n)|(?<=m)|(?<=\r))Welcome to (?!GRUB)[^\r\n]{1,100}!\s"
    ),
    "login": rb"(?<![\w.-])(?!Last |last |Failed )[\w.-]{1,64} login: |(?<=\n)login: ",
}
#: What a kernel says last: the stage that is seen next is of another boot, whichever it is.
_END: Final = (
    rb"reboot: (?:Restarting system|Power down|System halted|machine restart)|Rebooting in \d+ seconds"
    rb"|sysrq: Resetting|kexec_core: Starting new kernel"
)
_STAGE: Final = re.compile(
    b"|".join(b"(?P<%b>%b)" % (name.encode(), sign) for name, sign in {**_SIGNS, "end": _END}.items())
)
_QUICK: Final = {
    "firmware": (b"SeaBIOS (", b"UEFI firmware (", b"U-Boot ", b"BL1: ", b"coreboot-"),
    "loader": (b"BdsDxe: ", b"GRUB", b"LINUX ", b"iPXE ", b"BSD/"),
    "menu": (b"GRUB", b"highlighted entry", b"Windows Boot Manager", b"Press [Tab]", b"\nboot: "),
    "kernel": (
        b"Linux version ",
        b"Linux on physical CPU",
        b"Decompressing Linux",
        b"Command line: ",
        b"EFI stub: ",
        b"FreeBSD",
    ),
    "init": (b"as init", b"running in", b"INIT: ", b"OpenRC ", b"Welcome to "),
    "login": (b"login: ",),
}
_QUICK_END: Final = (b"reboot: ", b"Rebooting in ", b"sysrq: Res", b"kexec_core")
_SMALL: Final = bytes(set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


class _Filter(NamedTuple):
    """Texts without one of which nothing is a sign.

    Output is mostly small letters and digits, so a text with capitals is first looked for among the capitals alone: that
    costs a tenth.

    Attributes:
        brief: texts with two or more capitals, each with its capitals before it.
        plain: the others.
    """

    brief: tuple[tuple[bytes, bytes], ...]
    plain: tuple[bytes, ...]

    @classmethod
    def of(cls, texts: Iterable[bytes]) -> _Filter:
        """The filter for some texts."""
        known = {text: text.translate(None, _SMALL) for text in texts}
        brief = tuple((capitals, text) for text, capitals in known.items() if len(capitals) > 1)
        return cls(brief, tuple(text for text, capitals in known.items() if len(capitals) < 2))

    def passes(self, output: bytes) -> bool:
        """Whether one of the texts is in ``output``."""
        capitals = output.translate(None, _SMALL)
        for brief, text in self.brief:
            if brief in capitals and text in output:
                return True
        return any(text in output for text in self.plain)


#: The filters while a boot is at a stage (its number; -1 before the first): of what may come next.
_FILTERS: Final = {
    stage: _Filter.of(
        [
            *(
                text
                for number, name in enumerate(BOOT_STAGES)
                if number > stage or name in ("firmware", "loader")
                for text in _QUICK[name]
            ),
            *(_QUICK_END if stage >= BOOT_STAGES.index("kernel") else ()),
        ]
    )
    for stage in range(-1, len(BOOT_STAGES))
}
#: How much of what came before is looked at again, for a sign that comes in pieces, in bytes.
_TAIL: Final = 160


class Reached(NamedTuple):
    """A stage that has been reached.  Places are numbers of bytes since the first that the guest has sent.

    Attributes:
        name: one of :data:`BOOT_STAGES`.
        place: where its sign begins.
        end: where its sign ends.
    """

    name: str
    place: int
    end: int


@dataclass(slots=True)
class Boot:
    """One boot.

    Attributes:
        began: when it began: when the machine was switched on or reset, or, for a boot that the guest began itself, when
            its first line came.
        stages: when each stage was reached, in their order.
    """

    began: float
    stages: dict[str, float] = field(default_factory=dict)

    def since_beginning(self) -> dict[str, float]:
        """The stages, with their times counted from the boot's beginning."""
        return {name: at - self.began for name, at in self.stages.items()}


class BootStages:
    """Follows the stages of a guest's boots.

    Args:
        began: when the machine was switched on.  Times may be of any clock and unit.

    Attributes:
        boots: the boots so far; the last one is under way.
        size: how many bytes were looked at.
    """

    def __init__(self, began: float = 0.0) -> None:
        self.boots = [Boot(began)]
        self.size = 0
        self._tail = b""
        self._stage = -1
        self._has_ended = False

    @property
    def boot(self) -> Boot:
        """The boot that is under way."""
        return self.boots[-1]

    def restart(self, at: float) -> None:
        """The machine was reset at ``at``."""
        if self.boot.stages:
            self.boots.append(Boot(at))
        else:
            self.boot.began = at
        self._stage = -1
        self._tail = b""
        self._has_ended = False

    def skip(self, size: int) -> None:
        """The guest has sent so many bytes, which are not looked at."""
        self.size += size
        self._tail = b""

    def feed(self, data: bytes, at: float) -> list[Reached]:
        """The guest has sent ``data``, the last of which came at ``at``; returns the stages that it has reached with it."""
        tail = self._tail
        text = tail + data if tail else data
        self._tail = text[-_TAIL:]
        self.size += len(data)
        return self._look(text, len(tail), at) if _FILTERS[self._stage].passes(text) else []

    def _look(self, text: bytes, known: int, at: float) -> list[Reached]:
        """Find the signs in ``text`` that end behind its first ``known`` bytes, which were looked at before."""
        begin = self.size - len(text)
        reached = []
        for found in _STAGE.finditer(text):
            if found.end() <= known:
                continue
            name = str(found.lastgroup)
            if name == "end":
                self._has_ended = self._stage >= BOOT_STAGES.index("kernel")
            elif self._is_new(name, at):
                reached.append(Reached(name, begin + found.start(), begin + found.end()))
        return reached

    def _is_new(self, name: str, at: float) -> bool:
        """Whether a stage is reached now, which is noted then."""
        stage = BOOT_STAGES.index(name)
        is_first = stage < self._stage and name in ("firmware", "loader") and not self._is_chained(stage)
        if is_first or self._has_ended:
            self.boots.append(Boot(at))
            self._stage = -1
            self._has_ended = False
        if stage <= self._stage:
            return False
        self._stage = stage
        self.boot.stages[name] = at
        return True

    def _is_chained(self, stage: int) -> bool:
        """Whether one loader has started another, or firmware has gone on to its next boot entry."""
        return BOOT_STAGES[stage] == "loader" and BOOT_STAGES[self._stage] == "menu"
