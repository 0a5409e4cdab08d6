"""All that the machine keeps over a restart, and what is wrong with it when it is new."""

from __future__ import annotations

import time
from typing import Final

import trio

from ..windows_settings import Settings
from .boot_store import BootStore
from .event_log import EventLog
from .firewall_rules import Firewall
from .local_users import LocalUsers
from .network_adapter import NetworkAdapter
from .registry_hive import RDP_TCP, TERMINAL_SERVER, new_registry
from .service_settings import TERM_SERVICE, default_services
from .volume import Volume, VolumeError

#: Build and version, as `ver` shows them.
BUILD: Final = 14393
_SERVER: Final = "Windows Server 2016"
_CLIENT: Final = "Windows 10"


class WindowsDisk:
    """The disk of one machine.

    Args:
        settings: the guest's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.is_server = settings.edition == "server"
        self.product = f"{_SERVER} Datacenter" if self.is_server else f"{_CLIENT} Enterprise"
        self.host_name = settings.hostname.upper()
        menu = (settings.displaybootmenu, settings.bootems)
        self.boot_store = BootStore(
            _SERVER if self.is_server else _CLIENT, settings.sac, settings.kernel_debug, menu, settings.timeout
        )
        self.registry = new_registry(self.product, BUILD, self.host_name)
        self.users = LocalUsers(self.host_name, settings.user, settings.password)
        self.firewall = Firewall()
        self.services = default_services()
        self.adapter = NetworkAdapter()
        self.volume = Volume()
        try:
            self.volume.make_folder(f"C:\\Users\\{settings.user}")
        except VolumeError:
            pass  # the account is called Public
        self.events = EventLog()
        #: Whether the feature TelnetClient is on.
        self.telnet_client = False
        #: What an earlier start has left for the next one to report: "" after a shutdown, "unexpected", or a stop error.
        self.last_end = ""
        #: What the clock is ahead of trio's, in seconds.
        self.clock_offset_s = time.time() - trio.current_time()
        self._break(settings.faults)

    def _break(self, faults: frozenset[str]) -> None:
        if "firewall" in faults:
            self.firewall.change(self.firewall.in_group("Remote Desktop"), enabled=False)
        if "rdp-disabled" in faults:
            self.registry.set_number(TERMINAL_SERVER, "fDenyTSConnections", 1)
        if "rdp-port" in faults:
            self.registry.set_number(RDP_TCP, "PortNumber", 3390)
        if "rdp-service" in faults:
            self.services[TERM_SERVICE.lower()].start = "disabled"
        if "network-disabled" in faults:
            self.adapter.enabled = False
        if "network-address" in faults:
            self.adapter.set_static("192.168.77.77", "255.255.255.0", "")
        self.volume.damaged = "filesystem" in faults
