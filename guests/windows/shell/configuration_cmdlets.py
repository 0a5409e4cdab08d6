"""The cmdlets that show and change the machine: network, firewall, registry, accounts."""

from __future__ import annotations

import fnmatch
from dataclasses import replace
from typing import Final

from ..disk.firewall_rules import PROFILES, FirewallRule, port_ranges
from ..disk.local_users import AccountError
from ..disk.network_adapter import DRIVER_NAME, MAC, prefix_length
from ..disk.registry_hive import InvalidKey, full_path, parse_data
from ..programs.network_tools import reaches, resolve
from ..system.remote_desktop import listening_port, port_reachability
from .cmdlet_lines import CmdletCall, CmdletError, PipedObject
from .cmdlet_shell import Cmdlet, Objects, Shell

_TYPES: Final = {"dword": "REG_DWORD", "qword": "REG_QWORD", "string": "REG_SZ", "multistring": "REG_MULTI_SZ"}
#: What Test-NetConnection asks if nothing is said.
_BEACON: Final = "internetbeacon.msedge.net"
#: So many rules and accounts there may be.
_ROOM: Final = 1000


# ----------------------------------------------------------------------------------------------------------- the network
async def _get_net_adapter(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    adapter = shell.context.disk.adapter
    wanted = call.get("Name", position=0) or "*"
    row = {
        "Name": adapter.name,
        "InterfaceDescription": DRIVER_NAME,
        "Status": "Up" if adapter.enabled else "Disabled",
        "MacAddress": MAC,
    }
    return [row] if fnmatch.fnmatchcase(adapter.name.lower(), wanted.lower()) else []


async def _enable_net_adapter(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _need_adapter(shell, call, objects)
    shell.context.disk.adapter.enabled = True
    return None


async def _disable_net_adapter(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _need_adapter(shell, call, objects)
    shell.context.disk.adapter.enabled = False
    return None


def _need_adapter(shell: Shell, call: CmdletCall, objects: Objects) -> None:
    shell.context.need_administrator()
    names = [row.get("Name", "") for row in objects or []] or [call.get("Name", "InterfaceAlias", position=0) or ""]
    if not fnmatch.fnmatchcase(shell.context.disk.adapter.name.lower(), names[0].lower() or "-"):
        raise CmdletError(f"No adapter with the name '{names[0]}' was found.")


async def _get_net_ip_address(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    adapter = shell.context.disk.adapter
    if not adapter.enabled:
        return []
    return [
        {
            "IPAddress": adapter.address,
            "InterfaceAlias": adapter.name,
            "AddressFamily": "IPv4",
            "PrefixLength": str(prefix_length(adapter.mask)),
            "PrefixOrigin": "Dhcp" if adapter.dhcp else "Manual",
        }
    ]


async def _set_net_ip_interface(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _need_adapter(shell, call, objects)
    dhcp = call.need("Dhcp").lower()
    if dhcp not in ("enabled", "disabled"):
        raise CmdletError("Dhcp: use Enabled or Disabled.")
    shell.context.disk.adapter.dhcp = dhcp == "enabled"
    return None


async def _test_net_connection(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    context, windows = shell.context, shell.context.windows
    host = call.get("ComputerName", position=0) or _BEACON
    address = resolve(context, host)
    own = address in ("127.0.0.1", context.disk.adapter.address)
    reached = address is not None and reaches(context, address)
    port = call.get("Port", position=1) or ("3389" if (call.get("CommonTCPPort") or "").lower() == "rdp" else None)
    row = {"ComputerName": host, "RemoteAddress": address or "", "InterfaceAlias": context.disk.adapter.name}
    if port is None:
        return [row | {"PingSucceeded": str(reached), "NameResolutionSucceeded": str(address is not None)}]
    if not (port.isascii() and port.isdigit() and 0 < len(port) < 6):
        raise CmdletError(f"Port: '{port}' is not a number from 1 to 65535.")
    succeeded = reached
    if own:  # what somebody outside would meet, which is what is asked at a serial console
        listens = listening_port(context.disk, windows.services) == int(port)
        way = port_reachability(context.disk, windows.services, windows.options.safeboot, int(port))
        succeeded = listens and (way.reachable or host.lower() == "localhost")
    shell.as_list = True
    return [row | {"RemotePort": port, "TcpTestSucceeded": str(succeeded)}]


async def _resolve_dns_name(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    name = call.need("Name", position=0)
    address = resolve(shell.context, name)
    if address is None:
        raise CmdletError(f"{name} : DNS name does not exist, or no server was reached.")
    return [{"Name": name, "Type": "A", "TTL": "60", "IPAddress": address}]


# ---------------------------------------------------------------------------------------------------------- the firewall
async def _get_firewall_profile(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    return [
        {"Name": name.capitalize(), "Enabled": str(profile.on), "DefaultInboundAction": profile.inbound}
        for name, profile in shell.context.disk.firewall.profiles.items()
    ]


async def _set_firewall_profile(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    shell.context.need_administrator()
    text = ",".join(PROFILES) if call.get("All") else (call.get("Profile", "Name", position=0) or ",".join(PROFILES))
    names = [name.strip().lower() for name in text.split(",")]
    enabled = call.need("Enabled").lower()
    if not set(names) <= set(PROFILES) or enabled not in ("true", "false"):
        raise CmdletError("Use -Profile with Domain, Public and Private, and -Enabled True or False.")
    for name in names:
        shell.context.disk.firewall.profiles[name].on = enabled == "true"
    return None


def _rules(shell: Shell, call: CmdletCall, objects: Objects) -> list[FirewallRule]:
    rules = shell.context.disk.firewall.rules
    for parameter, attribute in (("Name", "identifier"), ("DisplayName", "name"), ("DisplayGroup", "group")):
        wanted = call.get(parameter, position=0 if parameter == "Name" else None)
        if wanted is not None:
            found = [rule for rule in rules if fnmatch.fnmatchcase(getattr(rule, attribute).lower(), wanted.lower())]
            if not found:
                raise CmdletError(
                    f"No MSFT_NetFirewallRule objects found with property '{parameter}' equal to '{wanted}'."
                )
            return found
    if objects is not None:
        names = {row.get("Name", "") for row in objects}
        return [rule for rule in rules if (rule.identifier or rule.name) in names]
    return list(rules)


async def _get_firewall_rule(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    return [_rule_object(rule) for rule in _rules(shell, call, objects)]


def _rule_object(rule: FirewallRule) -> PipedObject:
    return {
        "Name": rule.identifier or rule.name,
        "DisplayName": rule.name,
        "DisplayGroup": rule.group,
        "Enabled": str(rule.enabled),
        "Direction": f"{rule.direction}bound",
        "Action": rule.action,
        "Protocol": rule.protocol,
        "LocalPort": rule.ports,
    }


async def _enable_firewall_rule(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.context.need_administrator()
    shell.context.disk.firewall.change(_chosen(shell, call, objects), enabled=True)
    return None


async def _disable_firewall_rule(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.context.need_administrator()
    shell.context.disk.firewall.change(_chosen(shell, call, objects), enabled=False)
    return None


def _chosen(shell: Shell, call: CmdletCall, objects: Objects) -> list[FirewallRule]:
    """The rules of a command that changes them, which has to name some."""
    if objects is None and not call.parameters and not call.arguments:
        raise CmdletError("Use -Name, -DisplayName or -DisplayGroup to say which rules are meant.")
    return _rules(shell, call, objects)


async def _set_firewall_rule(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.context.need_administrator()
    enabled, action = call.get("Enabled"), call.get("Action")
    rules = _chosen(shell, call, objects)
    if enabled is not None:
        shell.context.disk.firewall.change(rules, enabled=enabled.lower() == "true")
        rules = [replace(rule, enabled=enabled.lower() == "true") for rule in rules]
    if action is not None:
        if action.lower() not in ("allow", "block"):
            raise CmdletError("Action: use Allow or Block.")
        shell.context.disk.firewall.change(rules, action=action.capitalize())
    return None


async def _new_firewall_rule(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    shell.context.need_administrator()
    name, firewall = call.need("DisplayName"), shell.context.disk.firewall
    direction = (call.get("Direction") or "Inbound").lower().removesuffix("bound").capitalize()
    action = (call.get("Action") or "Allow").capitalize()
    ports = (call.get("LocalPort") or "Any").replace(" ", "")
    if direction not in ("In", "Out") or action not in ("Allow", "Block") or len(firewall.rules) >= _ROOM:
        raise CmdletError("Use -Direction Inbound or Outbound, and -Action Allow or Block.")
    try:
        if ports.lower() != "any":
            list(port_ranges(ports))
    except ValueError:
        raise CmdletError(f"LocalPort: {ports} is not a list of ports.") from None
    protocol = (call.get("Protocol") or "Any").upper().replace("ANY", "Any")
    shown = "Any" if ports.lower() == "any" else ports
    rule = FirewallRule(name, direction, action, protocol=protocol, ports=shown, identifier=call.get("Name") or name)
    firewall.rules.append(rule)
    return [_rule_object(rule)]


async def _remove_firewall_rule(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    shell.context.need_administrator()
    doomed = _chosen(shell, call, objects)
    firewall = shell.context.disk.firewall
    firewall.rules = [rule for rule in firewall.rules if rule not in doomed]
    return None


# ---------------------------------------------------------------------------------------------------------- the registry
def _key(call: CmdletCall) -> str:
    text = call.need("Path", "LiteralPath", position=0)
    try:
        return full_path(text.partition("::")[2] or text)
    except InvalidKey:
        raise CmdletError(f"Cannot find path '{text}' because it does not exist.") from None


async def _get_item_property(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    key, name = _key(call), call.get("Name", position=1)
    registry = shell.context.disk.registry
    if not registry.has_key(key):
        raise CmdletError(f"Cannot find path '{key}' because it does not exist.")
    row = {
        value.name: str(int(value.data, 16)) if value.type in ("REG_DWORD", "REG_QWORD") else value.data
        for value in registry.values(key)
        if name is None or value.name.lower() == name.lower()
    }
    if name is not None and not row:
        raise CmdletError(f"Property {name} does not exist at path {key}.")
    shell.as_list = True
    return [row]


async def _set_item_property(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    key, registry = _key(call), shell.context.disk.registry
    if key.startswith("HKEY_LOCAL_MACHINE"):
        shell.context.need_administrator()
    # Positions are those that the parameters given by name leave over.
    left = [name for name in ("path", "name", "value") if name not in call.parameters]
    given = call.parameters | dict(zip(left, call.arguments, strict=False))
    if "name" not in given or "value" not in given:
        raise CmdletError("Give -Path, -Name and -Value.")
    old = registry.get(key, given["name"])
    kind = _TYPES.get((call.get("Type", "PropertyType") or "").lower(), old.type if old else "REG_SZ")
    if registry.is_full:
        raise CmdletError("The registry has no room for another value.")
    try:
        registry.set(key, given["name"], kind, parse_data(kind, given["value"]))
    except ValueError:
        raise CmdletError(f"The value {given['value']} is none of the type {kind}.") from None
    return None


# -------------------------------------------------------------------------------------------------------------- accounts
async def _get_local_user(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    wanted = (call.get("Name", position=0) or "*").lower()
    return [
        {
            "Name": account.name,
            "Enabled": str(account.active),
            "SID": f"S-1-5-21-1004336348-1177238915-682003330-{account.rid}",
            "Description": account.comment,
        }
        for account in shell.context.disk.users.accounts.values()
        if fnmatch.fnmatchcase(account.name.lower(), wanted)
    ]


async def _enable_local_user(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _set_active(shell, call, objects, active=True)
    return None


async def _disable_local_user(shell: Shell, call: CmdletCall, objects: Objects) -> Objects:
    _set_active(shell, call, objects, active=False)
    return None


def _set_active(shell: Shell, call: CmdletCall, objects: Objects, active: bool) -> None:
    shell.context.need_administrator()
    names = [row.get("Name", "") for row in objects or []] or [call.need("Name", position=0)]
    try:
        for name in names:
            shell.context.disk.users.find(name).active = active
    except AccountError as error:
        raise CmdletError(str(error)) from None


async def _new_local_user(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    shell.context.need_administrator()
    users = shell.context.disk.users
    try:
        if len(users.accounts) >= _ROOM:
            raise CmdletError("There is no room for another account.")
        account = users.create(call.need("Name", position=0), "")
    except AccountError as error:
        raise CmdletError(str(error)) from None
    return [{"Name": account.name, "Enabled": str(account.active), "Description": account.comment}]


async def _get_local_group(shell: Shell, _call: CmdletCall, _objects: Objects) -> Objects:
    users = shell.context.disk.users
    return [{"Name": name, "Description": users.comments.get(name, "")} for name in users.groups]


async def _add_group_member(shell: Shell, call: CmdletCall, _objects: Objects) -> Objects:
    shell.context.need_administrator()
    try:
        shell.context.disk.users.add_member(
            call.need("Group", "Name", position=0), call.need("Member", position=0 if call.get("Group") else 1)
        )
    except AccountError as error:
        raise CmdletError(str(error)) from None
    return None


CONFIGURATION_CMDLETS: Final[dict[str, Cmdlet]] = {
    "get-netadapter": _get_net_adapter, "enable-netadapter": _enable_net_adapter,
    "disable-netadapter": _disable_net_adapter, "get-netipaddress": _get_net_ip_address,
    "set-netipinterface": _set_net_ip_interface, "test-netconnection": _test_net_connection,
    "resolve-dnsname": _resolve_dns_name, "get-netfirewallprofile": _get_firewall_profile,
    "set-netfirewallprofile": _set_firewall_profile, "get-netfirewallrule": _get_firewall_rule,
    "enable-netfirewallrule": _enable_firewall_rule, "disable-netfirewallrule": _disable_firewall_rule,
    "set-netfirewallrule": _set_firewall_rule, "new-netfirewallrule": _new_firewall_rule,
    "remove-netfirewallrule": _remove_firewall_rule, "get-itemproperty": _get_item_property,
    "set-itemproperty": _set_item_property, "new-itemproperty": _set_item_property,
    "get-localuser": _get_local_user, "enable-localuser": _enable_local_user,
    "disable-localuser": _disable_local_user, "new-localuser": _new_local_user, "get-localgroup": _get_local_group,
    "add-localgroupmember": _add_group_member,
}  # fmt: skip
