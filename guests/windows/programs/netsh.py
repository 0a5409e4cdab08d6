"""``netsh``: the network's settings.  Syntax: Microsoft's pages "netsh interface" and "netsh advfirewall"."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..disk.network_adapter import MASK, NetworkAdapter, prefix_length
from .netsh_arguments import NetshError, key_values
from .netsh_firewall import advfirewall
from .program_context import ProgramContext

_HELP: Final = """\
netsh interface show interface
netsh interface set interface [name=]name admin=enabled|disabled
netsh interface ip show config | addresses
netsh interface ip set address [name=]name source=dhcp
netsh interface ip set address [name=]name source=static address mask [gateway]
netsh interface ip set dns [name=]name source=dhcp | static address
netsh advfirewall show|set allprofiles|currentprofile ...
netsh advfirewall firewall show|add|set|delete rule ...
"""


async def netsh(context: ProgramContext) -> int:
    """Run netsh."""
    words = context.words
    lowered = [word.lower() for word in words]
    try:
        if lowered[:1] == ["advfirewall"]:
            return await advfirewall(context, words[1:])
        if lowered[:1] in (["interface"], ["int"]) and len(words) > 1:
            return await _interface(context, words[1:])
    except NetshError as error:
        return await context.fail(f"{error}\n")
    if words and lowered[0] not in ("/?", "help", "?"):
        return await context.fail(f"The following command was not found: {' '.join(words)}.")
    await context.write(_HELP)
    return 0 if words else 1


async def _interface(context: ProgramContext, words: list[str]) -> int:
    lowered = [word.lower() for word in words]
    adapter = context.disk.adapter
    if lowered[:2] == ["show", "interface"]:
        await context.write_lines(_interfaces(adapter))
        return 0
    in_ip = lowered[0] in ("ip", "ipv4")
    if in_ip and lowered[1:2] == ["show"] and lowered[2:3] in (["config"], ["address"], ["addresses"]):
        await context.write_lines(_configuration(adapter))
        return 0
    if not context.token.administrator:
        raise NetshError("The requested operation requires elevation (Run as administrator).")
    if lowered[:2] == ["set", "interface"]:
        _set_interface(adapter, words[2:])
    elif in_ip and lowered[1:3] in (["set", "address"], ["set", "addresses"]):
        _set_address(adapter, words[3:])
    elif in_ip and lowered[1:3] in (["set", "dns"], ["set", "dnsservers"], ["set", "dnsserver"]):
        _set_dns(adapter, words[3:])
    else:
        raise NetshError(f"The following command was not found: interface {' '.join(words)}.")
    await context.write("\n")
    return 0


def _named(adapter: NetworkAdapter, words: list[str], positions: tuple[str, ...]) -> dict[str, str]:
    """The arguments, those without a name by their positions; the first is the interface's name, which has to exist."""
    plain = dict(zip(positions, (word for word in words if "=" not in word), strict=False))
    values = plain | key_values([word for word in words if "=" in word])
    if values.get("name", "").strip('"').lower() != adapter.name.lower():
        raise NetshError("An interface with this name is not registered with the router.")
    return values


def _interfaces(adapter: NetworkAdapter) -> Iterator[str]:
    yield ""
    yield "Admin State    State          Type             Interface Name"
    yield "-" * 73
    admin, state = ("Enabled", "Connected") if adapter.enabled else ("Disabled", "Disconnected")
    yield f"{admin:<15}{state:<15}{'Dedicated':<17}{adapter.name}"
    yield ""


def _configuration(adapter: NetworkAdapter) -> Iterator[str]:
    yield ""
    yield f'Configuration for interface "{adapter.name}"'
    rows = [("DHCP enabled:", "Yes" if adapter.dhcp else "No")]
    if adapter.enabled:
        rows.append(("IP Address:", adapter.address))
        rows.append(("Subnet Prefix:", f"{adapter.address}/{prefix_length(adapter.mask)} (mask {adapter.mask})"))
        if adapter.gateway:
            rows.append(("Default Gateway:", adapter.gateway))
        rows.append(("DNS Servers:", adapter.dns_server or "None"))
    for name, value in rows:
        yield f"    {name:<38}{value}"
    yield ""


def _set_interface(adapter: NetworkAdapter, words: list[str]) -> None:
    values = _named(adapter, words, ("name", "admin"))
    admin = values.get("admin", "").lower()
    if admin not in ("enable", "enabled", "disable", "disabled"):
        raise NetshError("The syntax supplied for this command is not valid: use admin=enabled or admin=disabled.")
    adapter.enabled = admin.startswith("enable")


def _set_address(adapter: NetworkAdapter, words: list[str]) -> None:
    values = _named(adapter, words, ("name", "source", "address", "mask", "gateway"))
    source = values.get("source", "static" if "address" in values else values.get("addr", "")).lower()
    if source == "dhcp":
        adapter.dhcp = True
        return
    address = values.get("address", values.get("addr", ""))
    gateway = values.get("gateway", "")
    try:
        adapter.set_static(address, values.get("mask", MASK), "" if gateway.lower() == "none" else gateway)
    except ValueError as error:
        raise NetshError(f"Invalid address parameter ({error}). It should be a valid IPv4 address.") from None


def _set_dns(adapter: NetworkAdapter, words: list[str]) -> None:
    values = _named(adapter, words, ("name", "source", "address"))
    adapter.dns = (
        "" if values.get("source", "").lower() == "dhcp" else values.get("address", values.get("addr", ""))[:64]
    )
