"""Programs that look at the network: ipconfig, ping, netstat, nslookup; and ``rdpstatus``, which is uartsim's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import trio

from ..disk.network_adapter import ADDRESS, DRIVER_NAME, MAC, NetworkAdapter
from ..disk.service_settings import TERM_SERVICE
from ..system.remote_desktop import Reachability, listening_port
from .program_context import Program, ProgramContext

#: What every name but the machine's own stands for; an address for documentation (RFC 5737).
ELSEWHERE: Final = "203.0.113.10"
#: Ports that Windows listens at anyway.
_LISTENING: Final = (135, 445, 5985)


async def ipconfig(context: ProgramContext) -> int:
    """``ipconfig``, ``/all``, ``/release``, ``/renew``, ``/flushdns``."""
    adapter = context.disk.adapter
    option = context.words[0].lower() if context.words else ""
    if option == "/flushdns":
        await context.write("\nWindows IP Configuration\n\nSuccessfully flushed the DNS Resolver Cache.\n")
        return 0
    if option in ("/release", "/renew") and not (adapter.enabled and adapter.dhcp):
        return await context.fail("The operation failed as no adapter is in the state permissible for\nthis operation.")
    await context.write("\nWindows IP Configuration\n\n")
    if option == "/all":
        await context.write_lines(
            (
                f"   Host Name . . . . . . . . . . . . : {context.disk.host_name}",
                "   Primary Dns Suffix  . . . . . . . :",
                "   Node Type . . . . . . . . . . . . : Hybrid",
            )
        )
    if adapter.enabled:
        await context.write_lines(_adapter_lines(adapter, option == "/all"))
    return 0


def _adapter_lines(adapter: NetworkAdapter, everything: bool) -> Iterator[str]:
    yield ""
    yield f"Ethernet adapter {adapter.name}:"
    yield ""
    if everything:
        yield f"   Description . . . . . . . . . . . : {DRIVER_NAME}"
        yield f"   Physical Address. . . . . . . . . : {MAC}"
        yield f"   DHCP Enabled. . . . . . . . . . . : {'Yes' if adapter.dhcp else 'No'}"
    yield f"   IPv4 Address. . . . . . . . . . . : {adapter.address}"
    yield f"   Subnet Mask . . . . . . . . . . . : {adapter.mask}"
    yield f"   Default Gateway . . . . . . . . . : {adapter.gateway}".rstrip()
    if everything:
        yield f"   DNS Servers . . . . . . . . . . . : {adapter.dns_server}".rstrip()


async def ping(context: ProgramContext) -> int:
    """``ping``: four times, or ``-n`` times, or with ``-t`` until Ctrl-C."""
    words = context.words
    count = 4
    hosts: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.lower() in ("-n", "/n"):
            number = next(rest, "")
            if not (number.isascii() and number.isdigit() and 0 < len(number) < 7):
                return await context.fail("Bad value for option -n.")
            count = int(number)
        elif word.lower() in ("-t", "/t"):
            count = 1 << 32
        elif not word.startswith(("-", "/")):
            hosts.append(word)
    if not hosts:
        await context.write("\nUsage: ping [-t] [-n count] target_name\n")
        return 1
    address = resolve(context, hosts[0])
    if address is None:
        return await context.fail(f"Ping request could not find host {hosts[0]}. Please check the name and try again.")
    shown = hosts[0] if hosts[0] == address else f"{hosts[0]} [{address}]"
    await context.write(f"\nPinging {shown} with 32 bytes of data:\n")
    answered = reaches(context, address)
    for n in range(count):
        if n:
            await trio.sleep(1.0)
        reply = f"Reply from {address}: bytes=32 time<1ms TTL=128"
        await context.write((reply if answered else "PING: transmit failed. General failure.") + "\n")
    lost = 0 if answered else count
    await context.write(
        f"\nPing statistics for {address}:\n"
        f"    Packets: Sent = {count}, Received = {count - lost}, Lost = {lost} ({100 * lost // count}% loss),\n"
    )
    return 0 if answered else 1


def resolve(context: ProgramContext, name: str) -> str | None:
    """The address that a name stands for, or None; a number needs no network."""
    parts = name.split(".")
    if len(parts) == 4 and all(
        part.isascii() and part.isdigit() and len(part) < 4 and int(part) < 256 for part in parts
    ):
        return name
    if name.lower() in ("localhost", context.disk.host_name.lower()):
        return "127.0.0.1" if name.lower() == "localhost" else context.disk.adapter.address
    return ELSEWHERE if context.windows.network().reachable and context.disk.adapter.dns_server else None


def reaches(context: ProgramContext, address: str) -> bool:
    """Whether packets to an address find their way."""
    own = address.startswith("127.") or (context.disk.adapter.enabled and address == context.disk.adapter.address)
    return own or context.windows.network().reachable


async def netstat(context: ProgramContext) -> int:
    """``netstat``: at which ports the machine listens."""
    disk, services = context.disk, context.windows.services
    ports = set(_LISTENING) | {listening_port(disk, services)} - {0}
    await context.write("\nActive Connections\n\n  Proto  Local Address          Foreign Address        State\n")
    if any("a" in word.lower() for word in context.words):
        await context.write_lines(
            f"  TCP    {'0.0.0.0:' + str(port):<22} {'0.0.0.0:0':<22} LISTENING" for port in sorted(ports)
        )
    return 0


async def nslookup(context: ProgramContext) -> int:
    """``nslookup NAME``."""
    server = context.disk.adapter.dns_server
    words = context.words
    await context.write(f"Server:  UnKnown\nAddress:  {server}\n\n")
    if not words:
        return 1
    address = resolve(context, words[0])
    if address is None:
        return await context.fail(
            "DNS request timed out.\n    timeout was 2 seconds.\n*** Request to UnKnown timed-out"
        )
    await context.write(f"Name:    {words[0]}\nAddress:  {address}\n\n")
    return 0


async def rdpstatus(context: ProgramContext) -> int:
    """``rdpstatus``: whether Remote Desktop is reached from outside, and why not.  No real Windows has this program."""
    desktop = context.windows.remote_desktop()
    network = context.windows.network()
    running = context.windows.services.is_running(TERM_SERVICE)
    await context.write_lines(
        (
            f"Address given by the network: {ADDRESS}",
            f"Network:                      {_word(network)}",
            f"{TERM_SERVICE}:                  {'running' if running else 'stopped'}",
            f"Remote Desktop:               {_word(desktop)}",
        )
    )
    if not desktop.reachable:
        await context.write(f"Reason: {desktop.reason}\n")
    return 0 if desktop.reachable else 1


def _word(what: Reachability) -> str:
    return "reachable" if what.reachable else "not reachable"


NETWORK_TOOLS: Final[dict[str, Program]] = {
    "ipconfig": ipconfig,
    "netstat": netstat,
    "nslookup": nslookup,
    "ping": ping,
    "rdpstatus": rdpstatus,
}
