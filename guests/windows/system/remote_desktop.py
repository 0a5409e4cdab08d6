"""Whether a person elsewhere reaches the machine by Remote Desktop, and if not, why."""

from __future__ import annotations

from typing import Final, NamedTuple

from ..disk.firewall_rules import ACTIVE_PROFILE
from ..disk.registry_hive import RDP_POLICY, RDP_TCP, TERMINAL_SERVER
from ..disk.service_settings import FIREWALL_SERVICE, TERM_SERVICE
from ..disk.windows_disk import WindowsDisk
from .service_manager import ServiceManager

#: The port that clients use, and the only one that the virtual network lets through.
RDP_PORT: Final = 3389


class Reachability(NamedTuple):
    """Whether a connection from outside succeeds, and if not, the first reason in words."""

    reachable: bool
    reason: str


def network_reachability(disk: WindowsDisk, safeboot: str) -> Reachability:
    """Whether packets from outside reach the machine at all."""
    trouble = disk.adapter.trouble()
    if not trouble and safeboot == "Minimal":
        trouble = "the machine was started in safe mode without networking"
    return Reachability(not trouble, trouble)


def listening_port(disk: WindowsDisk, services: ServiceManager) -> int:
    """The port that Remote Desktop listens at, or 0."""
    registry = disk.registry
    denied = registry.number(
        RDP_POLICY, "fDenyTSConnections", registry.number(TERMINAL_SERVER, "fDenyTSConnections", 1)
    )
    if denied or not services.is_running(TERM_SERVICE):
        return 0
    return registry.number(RDP_TCP, "PortNumber", RDP_PORT) & 0xFFFF


def desktop_reachability(disk: WindowsDisk, services: ServiceManager, safeboot: str) -> Reachability:
    """Whether Remote Desktop is reached at its usual port."""
    network = network_reachability(disk, safeboot)
    if not network.reachable:
        return network
    if not services.is_running(TERM_SERVICE):
        return Reachability(False, f"the service {TERM_SERVICE} is not running")
    port = listening_port(disk, services)
    if not port:
        return Reachability(False, "remote connections are denied (fDenyTSConnections)")
    if port != RDP_PORT:
        return Reachability(False, f"Remote Desktop listens at port {port}, and clients use {RDP_PORT}")
    return port_reachability(disk, services, safeboot, port)


def port_reachability(disk: WindowsDisk, services: ServiceManager, safeboot: str, port: int) -> Reachability:
    """Whether network and firewall let a connection from outside through to a port."""
    network = network_reachability(disk, safeboot)
    if not network.reachable:
        return network
    if not services.is_running(FIREWALL_SERVICE) and not safeboot:
        return Reachability(False, f"the service {FIREWALL_SERVICE} is not running, so everything is blocked")
    if not disk.firewall.lets_in(port):
        return Reachability(False, f"the firewall's profile {ACTIVE_PROFILE} blocks TCP port {port}")
    return Reachability(True, "")
