"""Sizes of virtual machines: what Azure says of them, and what of that a guest in QEMU gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

#: What a guest in QEMU gets at most: it is emulated on the computer on which the service runs.
MOST_MEMORY_MB: Final = 4096
MOST_CORES: Final = 4


@dataclass(frozen=True, slots=True)
class VmSize:
    """A size.

    Attributes:
        name: such as ``Standard_B1s``.
        cores: the number of its processor cores.
        memory_mb: its memory in MiB.
        data_disks: how many data disks it can have.
        temporary_disk_mb: its temporary disk in MiB.
    """

    name: str
    cores: int
    memory_mb: int
    data_disks: int
    temporary_disk_mb: int

    @property
    def emulated_cores(self) -> int:
        """How many cores a guest in QEMU gets."""
        return min(self.cores, MOST_CORES)

    @property
    def emulated_memory_mb(self) -> int:
        """How much memory a guest in QEMU gets, in MiB."""
        return min(self.memory_mb, MOST_MEMORY_MB)

    def shown(self) -> dict[str, Any]:
        """The size as ``vmSizes`` and ``locations/REGION/vmSizes`` list it."""
        return {
            "name": self.name,
            "numberOfCores": self.cores,
            "osDiskSizeInMB": 1047552,
            "resourceDiskSizeInMB": self.temporary_disk_mb,
            "memoryInMB": self.memory_mb,
            "maxDataDiskCount": self.data_disks,
        }


#: The sizes that there are.
SIZES: Final = (
    VmSize("Standard_B1ls", 1, 512, 2, 4096),
    VmSize("Standard_B1s", 1, 1024, 2, 4096),
    VmSize("Standard_B1ms", 1, 2048, 2, 4096),
    VmSize("Standard_B2s", 2, 4096, 4, 8192),
    VmSize("Standard_B2ms", 2, 8192, 4, 16384),
    VmSize("Standard_A1_v2", 1, 2048, 2, 10240),
    VmSize("Standard_A2_v2", 2, 4096, 4, 20480),
    VmSize("Standard_DS1_v2", 1, 3584, 4, 7168),
    VmSize("Standard_DS2_v2", 2, 7168, 8, 14336),
    VmSize("Standard_D2s_v3", 2, 8192, 4, 16384),
    VmSize("Standard_D4s_v3", 4, 16384, 8, 32768),
    VmSize("Standard_D2s_v5", 2, 8192, 4, 0),
    VmSize("Standard_D4s_v5", 4, 16384, 8, 0),
    VmSize("Standard_F2s_v2", 2, 4096, 4, 16384),
)
_BY_NAME: Final = {size.name.casefold(): size for size in SIZES}


def size_of(name: str) -> VmSize | None:
    """The size of a name, in whatever case; None if there is none."""
    return _BY_NAME.get(name.casefold())
