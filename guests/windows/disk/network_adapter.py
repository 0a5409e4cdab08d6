"""The machine's one network adapter: how it is set, and whether the network reaches it.

The virtual network gives the machine its address by DHCP; any other address is not routed to it.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Final

#: What the virtual network's DHCP server hands out.
ADDRESS: Final = "10.0.0.4"
MASK: Final = "255.255.255.0"
GATEWAY: Final = "10.0.0.1"
DNS: Final = "168.63.129.16"
MAC: Final = "00-0D-3A-55-41-52"
ADAPTER_NAME: Final = "Ethernet"
DRIVER_NAME: Final = "Microsoft Hyper-V Network Adapter"


@dataclass
class NetworkAdapter:
    """The adapter.

    Attributes:
        name: the interface's name.
        enabled: whether the administrator has it enabled.
        dhcp: whether its address comes by DHCP.
        static: address, mask and gateway without DHCP; the gateway may be empty.
        dns: the server that was set by hand, or empty.
    """

    name: str = ADAPTER_NAME
    enabled: bool = True
    dhcp: bool = True
    static: tuple[str, str, str] = (ADDRESS, MASK, GATEWAY)
    dns: str = ""

    @property
    def address(self) -> str:
        """Its address."""
        return ADDRESS if self.dhcp else self.static[0]

    @property
    def mask(self) -> str:
        """Its subnet mask."""
        return MASK if self.dhcp else self.static[1]

    @property
    def gateway(self) -> str:
        """Its default gateway, or empty."""
        return GATEWAY if self.dhcp else self.static[2]

    @property
    def dns_server(self) -> str:
        """The server that it asks for names."""
        return self.dns or (DNS if self.dhcp else "")

    def trouble(self) -> str:
        """Why the network does not reach the machine, in words; empty if it does."""
        if not self.enabled:
            return "the network adapter is disabled"
        if self.address != ADDRESS:
            return f"the address {self.address} is not the one that the virtual network gives, {ADDRESS}"
        if self.mask != MASK or self.gateway != GATEWAY:
            return f"mask {self.mask} and gateway {self.gateway or 'none'} do not fit: use {MASK} and {GATEWAY}"
        return ""

    def set_static(self, address: str, mask: str, gateway: str) -> None:
        """Set the addresses by hand.

        Raises:
            ValueError: one is no IPv4 address, or the mask is none; the message is the bad one.
        """
        for text in (address, mask, *([gateway] if gateway else [])):
            try:
                ipaddress.IPv4Address(text)
            except ValueError:
                raise ValueError(text) from None
        try:
            ipaddress.IPv4Network(f"0.0.0.0/{mask}")
        except ValueError:
            raise ValueError(mask) from None
        self.static = (address, mask, gateway)
        self.dhcp = False


def prefix_length(mask: str) -> int:
    """The number of bits of a mask."""
    return int(ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen)
