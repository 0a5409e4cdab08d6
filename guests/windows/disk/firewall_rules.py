"""Windows Firewall with Advanced Security: profiles, rules, and whether a connection from outside gets through.

A rule that blocks comes before one that allows; without either, the profile's policy decides (netsh advfirewall's page).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

PROFILES: Final = ("domain", "private", "public")
#: The profile of the machine's network.
ACTIVE_PROFILE: Final = "public"
REMOTE_DESKTOP: Final = "Remote Desktop"
POLICIES: Final = ("blockinbound", "blockinboundalways", "allowinbound", "notconfigured")


@dataclass(frozen=True)
class FirewallRule:
    """A rule; ``identifier`` is PowerShell's name for it, and ``ports`` is "Any" or ports and ranges with commas."""

    name: str
    direction: str = "In"
    action: str = "Allow"
    enabled: bool = True
    profiles: tuple[str, ...] = PROFILES
    group: str = ""
    protocol: str = "TCP"
    ports: str = "Any"
    remote_ip: str = "Any"
    program: str = ""
    identifier: str = ""

    def covers(self, protocol: str, port: int) -> bool:
        """Whether it is about connections from anywhere to this port.

        A rule for one program or some remote addresses only is not: nobody here has those.
        """
        if self.direction != "In" or self.program or self.remote_ip != "Any" or ACTIVE_PROFILE not in self.profiles:
            return False
        if self.protocol not in ("Any", protocol):
            return False
        return self.ports == "Any" or any(low <= port <= high for low, high in port_ranges(self.ports))


def port_ranges(text: str) -> Iterator[tuple[int, int]]:
    """The ranges in "80,3389,5000-5010".

    Raises:
        ValueError: it is no list of ports.
    """
    for part in text.split(","):
        low, dash, high = part.strip().partition("-")
        first = int(low)
        last = int(high) if dash else first
        if not 0 <= first <= last <= 65535:
            raise ValueError(part)
        yield first, last


@dataclass
class FirewallProfile:
    """A profile's switch and its policy for connections that no rule is about."""

    on: bool = True
    inbound: str = "blockinbound"
    outbound: str = "allowoutbound"


def _default_rules() -> list[FirewallRule]:
    desktop = FirewallRule("", group=REMOTE_DESKTOP, ports="3389")
    return [
        replace(
            desktop, name="Remote Desktop - Shadow (TCP-In)", ports="Any", program=r"C:\Windows\system32\RdpSa.exe",
            identifier="RemoteDesktop-Shadow-In-TCP",
        ),
        replace(desktop, name="Remote Desktop - User Mode (TCP-In)", identifier="RemoteDesktop-UserMode-In-TCP"),
        replace(
            desktop, name="Remote Desktop - User Mode (UDP-In)", protocol="UDP", identifier="RemoteDesktop-UserMode-In-UDP"
        ),
        FirewallRule(
            "Core Networking - Dynamic Host Configuration Protocol (DHCP-In)", group="Core Networking", protocol="UDP",
            ports="68", identifier="CoreNet-DHCP-In",
        ),
        FirewallRule(
            "File and Printer Sharing (SMB-In)", group="File and Printer Sharing", ports="445", enabled=False,
            identifier="FPS-SMB-In-TCP",
        ),
        FirewallRule(
            "Windows Remote Management (HTTP-In)", group="Windows Remote Management", ports="5985",
            identifier="WINRM-HTTP-In-TCP",
        ),
    ]  # fmt: skip


@dataclass
class Firewall:
    """The firewall's settings."""

    profiles: dict[str, FirewallProfile] = field(default_factory=lambda: {name: FirewallProfile() for name in PROFILES})
    rules: list[FirewallRule] = field(default_factory=_default_rules)

    def lets_in(self, port: int, protocol: str = "TCP") -> bool:
        """Whether a connection from outside to a port gets through."""
        profile = self.profiles[ACTIVE_PROFILE]
        if not profile.on:
            return True
        if profile.inbound == "blockinboundalways":
            return False
        actions = {rule.action for rule in self.rules if rule.enabled and rule.covers(protocol, port)}
        if "Block" in actions:
            return False
        return "Allow" in actions or profile.inbound == "allowinbound"

    def named(self, name: str) -> list[FirewallRule]:
        """The rules of this name, or all for "all"."""
        wanted = name.lower()
        return [rule for rule in self.rules if wanted in ("all", rule.name.lower())]

    def in_group(self, group: str) -> list[FirewallRule]:
        """The rules of a group."""
        return [rule for rule in self.rules if rule.group.lower() == group.lower()]

    def change(self, rules: list[FirewallRule], **changes: object) -> None:
        """Change some of the rules."""
        self.rules = [replace(rule, **changes) if rule in rules else rule for rule in self.rules]  # type: ignore[arg-type]
