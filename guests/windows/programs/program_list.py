"""All programs by their names."""

from __future__ import annotations

from typing import Final

from .administration_tools import ADMINISTRATION_TOOLS
from .bcdedit import bcdedit
from .disk_tools import DISK_TOOLS
from .net import net
from .netsh import netsh
from .network_tools import NETWORK_TOOLS
from .program_context import Program
from .reg import reg
from .service_control import sc
from .system_information import SYSTEM_PROGRAMS
from .text_filters import TEXT_FILTERS

PROGRAMS: Final[dict[str, Program]] = {
    "bcdedit": bcdedit,
    "net": net,
    "net1": net,
    "netsh": netsh,
    "reg": reg,
    "sc": sc,
    **ADMINISTRATION_TOOLS,
    **DISK_TOOLS,
    **NETWORK_TOOLS,
    **SYSTEM_PROGRAMS,
    **TEXT_FILTERS,
}
