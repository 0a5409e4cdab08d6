"""How the services are set: what `sc config` changes, and what the next boot starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: sc's words for a start type, with their numbers and the names that `sc qc` shows.
START_TYPES: Final = {
    "boot": (0, "BOOT_START"),
    "system": (1, "SYSTEM_START"),
    "auto": (2, "AUTO_START"),
    "demand": (3, "DEMAND_START"),
    "disabled": (4, "DISABLED"),
    "delayed-auto": (2, "AUTO_START  (DELAYED)"),
}
TERM_SERVICE: Final = "TermService"
FIREWALL_SERVICE: Final = "MpsSvc"
_NETSVCS: Final = r"C:\Windows\system32\svchost.exe -k netsvcs"
_LOCAL_SYSTEM: Final = "LocalSystem"


@dataclass
class ServiceSettings:
    """A service's settings; ``safe`` is whether it also runs in safe mode."""

    name: str
    display_name: str
    start: str = "auto"
    account: str = _LOCAL_SYSTEM
    binary: str = _NETSVCS
    depends: tuple[str, ...] = ()
    stoppable: bool = True
    safe: bool = True


def default_services() -> dict[str, ServiceSettings]:
    """The services of a new machine by their names in lower case."""
    network, local = r"NT Authority\NetworkService", r"NT Authority\LocalService"
    host = r"C:\Windows\System32\svchost.exe -k "
    made = (
        ServiceSettings(
            "RpcSs", "Remote Procedure Call (RPC)", account=network, binary=host + "rpcss", stoppable=False
        ),
        ServiceSettings("EventLog", "Windows Event Log", account=local, stoppable=False),
        ServiceSettings("Dhcp", "DHCP Client", account=local, safe=False),
        ServiceSettings("Dnscache", "DNS Client", account=network, safe=False),
        ServiceSettings("BFE", "Base Filtering Engine", account=local, depends=("RpcSs",)),
        ServiceSettings(FIREWALL_SERVICE, "Windows Firewall", account=local, depends=("BFE",), safe=False),
        ServiceSettings("LanmanServer", "Server", safe=False),
        ServiceSettings("LanmanWorkstation", "Workstation", account=network, safe=False),
        ServiceSettings("RdAgent", "RdAgent", binary=r"C:\WindowsAzure\Packages\WaAppAgent.exe", safe=False),
        ServiceSettings("sacsvr", "Special Administration Console Helper", start="demand"),
        ServiceSettings("Schedule", "Task Scheduler", depends=("RpcSs",)),
        ServiceSettings(
            TERM_SERVICE,
            "Remote Desktop Services",
            "demand",
            network,
            host + "termsvcs",
            depends=("RpcSs",),
            safe=False,
        ),
        ServiceSettings("W32Time", "Windows Time", "demand", account=local),
        ServiceSettings("WinRM", "Windows Remote Management (WS-Management)", account=network, depends=("RpcSs",)),
        ServiceSettings("Spooler", "Print Spooler", binary=r"C:\Windows\System32\spoolsv.exe", safe=False),
    )
    return {service.name.lower(): service for service in made}
