"""``netsh advfirewall``: the firewall's profiles and rules.  Syntax: Microsoft's page "netsh advfirewall"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..disk.firewall_rules import ACTIVE_PROFILE, POLICIES, PROFILES, FirewallRule, port_ranges
from .netsh_arguments import OK, NetshError, key_values
from .program_context import ProgramContext

_RULE_LINE: Final = "-" * 70
_NO_RULES: Final = "No rules match the specified criteria."
_OUTBOUND: Final = ("allowoutbound", "blockoutbound", "notconfigured")
#: So many rules there may be.
_ROOM: Final = 1000
#: netsh's names for the properties of a rule, but for `name`, `dir` and `profile`.
_TEXTS: Final = {"localport": "ports", "protocol": "protocol", "remoteip": "remote_ip", "program": "program"}


async def advfirewall(context: ProgramContext, words: list[str]) -> int:
    """Run ``netsh advfirewall``."""
    lowered = [word.lower() for word in words]
    if lowered[:2] == ["firewall", "show"] and lowered[2:3] == ["rule"]:
        return await _show_rules(context, key_values(words[3:]))
    if lowered[:1] == ["show"] and len(words) >= 2:
        return await _show_profiles(context, lowered[1], lowered[2:])
    if lowered[:1] not in (["firewall"], ["set"], ["reset"]):
        raise NetshError(f"The following command was not found: advfirewall {' '.join(words)}.")
    if not context.token.administrator:
        raise NetshError("The requested operation requires elevation (Run as administrator).")
    if lowered == ["reset"]:
        context.disk.firewall = type(context.disk.firewall)()
    elif lowered[:1] == ["set"] and len(words) >= 4:
        _set_profiles(context, lowered[1], lowered[2:])
    elif lowered[1:3] == ["add", "rule"]:
        _add_rule(context, key_values(words[3:]))
    elif lowered[1:3] == ["set", "rule"]:
        return await _set_rules(context, words[3:])
    elif lowered[1:3] == ["delete", "rule"]:
        return await _delete_rules(context, key_values(words[3:]))
    else:
        raise NetshError(f"The following command was not found: advfirewall {' '.join(words)}.")
    await context.write(OK)
    return 0


def _profiles_of(word: str) -> tuple[str, ...]:
    if word == "allprofiles":
        return PROFILES
    if word == "currentprofile":
        return (ACTIVE_PROFILE,)
    if word.removesuffix("profile") in PROFILES:
        return (word.removesuffix("profile"),)
    raise NetshError(f"{word} is not a profile: use allprofiles, currentprofile, or domainprofile and its like.")


async def _show_profiles(context: ProgramContext, word: str, rest: list[str]) -> int:
    for name in _profiles_of(word):
        profile = context.disk.firewall.profiles[name]
        await context.write(f"\n{name.capitalize()} Profile Settings: \n{_RULE_LINE}\n")
        await context.write(f"State                                 {'ON' if profile.on else 'OFF'}\n")
        if rest != ["state"]:
            policy = f"{_camel(profile.inbound)},{_camel(profile.outbound)}"
            await context.write(f"Firewall Policy                       {policy}\n")
    await context.write(OK)
    return 0


def _camel(policy: str) -> str:
    for part in ("inbound", "outbound", "always", "configured"):
        policy = policy.replace(part, part.capitalize())
    return policy[:1].upper() + policy[1:]


def _set_profiles(context: ProgramContext, word: str, rest: list[str]) -> None:
    profiles = [context.disk.firewall.profiles[name] for name in _profiles_of(word)]
    if rest[0] == "state" and rest[1:] in (["on"], ["off"]):
        for profile in profiles:
            profile.on = rest[1] == "on"
        return
    inbound, comma, outbound = "".join(rest[1:]).partition(",")
    if rest[0] != "firewallpolicy" or not comma or inbound not in POLICIES or outbound not in _OUTBOUND:
        raise NetshError("The syntax supplied for this command is not valid: use state on|off, or firewallpolicy.")
    for profile in profiles:
        profile.inbound, profile.outbound = inbound, outbound


def _matching(context: ProgramContext, values: dict[str, str]) -> list[FirewallRule]:
    firewall = context.disk.firewall
    if "group" in values:
        rules = firewall.in_group(values["group"])
    elif "name" in values:
        rules = firewall.named(values["name"])
    else:
        raise NetshError("A specified value is not valid: give name= or group=.")
    tests = (("dir", "direction"), ("protocol", "protocol"), ("localport", "ports"))
    for key, attribute in tests:
        if key in values:
            rules = [rule for rule in rules if str(getattr(rule, attribute)).lower() == values[key].lower()]
    if not rules:
        raise NetshError(_NO_RULES)
    return rules


async def _show_rules(context: ProgramContext, values: dict[str, str]) -> int:
    for rule in _matching(context, values):
        await context.write_lines(_rule_lines(rule))
    await context.write(OK)
    return 0


def _rule_lines(rule: FirewallRule) -> Iterator[str]:
    rows: Iterable[tuple[str, str]] = (
        ("Enabled", "Yes" if rule.enabled else "No"),
        ("Direction", rule.direction),
        ("Profiles", ",".join(name.capitalize() for name in rule.profiles)),
        ("Grouping", rule.group),
        ("LocalIP", "Any"),
        ("RemoteIP", rule.remote_ip),
        ("Protocol", rule.protocol),
        ("LocalPort", rule.ports),
        ("RemotePort", "Any"),
        ("Edge traversal", "No"),
        ("Action", rule.action),
    )
    yield ""
    yield f"{'Rule Name:':<38}{rule.name}"
    yield _RULE_LINE
    for name, value in rows:
        yield f"{name + ':':<38}{value}".rstrip()


def _properties(values: dict[str, str]) -> dict[str, object]:
    """A rule's properties, of what was typed.

    Raises:
        NetshError: one cannot be.
    """
    made: dict[str, object] = {}
    for key, value in values.items():
        lowered = value.lower()
        if key == "dir" and lowered in ("in", "out"):
            made["direction"] = value.capitalize()
        elif key == "action" and lowered in ("allow", "block", "bypass"):
            made["action"] = value.capitalize()
        elif key == "enable" and lowered in ("yes", "no"):
            made["enabled"] = lowered == "yes"
        elif key == "profile" and lowered != "any" and all(name in PROFILES for name in lowered.split(",")):
            made["profiles"] = tuple(lowered.split(","))
        elif key == "profile" and lowered == "any":
            made["profiles"] = PROFILES
        elif key == "protocol":
            made["protocol"] = "Any" if lowered == "any" else value.upper()
        elif key in _TEXTS and value:
            made[_TEXTS[key]] = "Any" if lowered == "any" else value
        elif key not in ("name", "group", "description", "remoteport", "localip", "interfacetype", "edge", "security"):
            raise NetshError(f"A specified value is not valid: {key}={value}.")
    _check_ports(str(made.get("ports", "Any")))
    return made


def _check_ports(ports: str) -> None:
    if ports != "Any":
        try:
            list(port_ranges(ports))
        except ValueError:
            raise NetshError(f"A specified port is not valid: {ports}.") from None


def _add_rule(context: ProgramContext, values: dict[str, str]) -> None:
    if not {"name", "dir", "action"} <= set(values):
        raise NetshError("One or more essential parameters were not entered: name=, dir= and action= are required.")
    properties = {"protocol": "Any"} | _properties(values)
    if properties["protocol"] == "Any" and "ports" in properties:
        raise NetshError("A port can be given with protocol=TCP or protocol=UDP only.")
    if len(context.disk.firewall.rules) >= _ROOM:
        raise NetshError("There is no room for another rule.")
    context.disk.firewall.rules.append(FirewallRule(values["name"], **properties))  # type: ignore[arg-type]


async def _set_rules(context: ProgramContext, words: list[str]) -> int:
    lowered = [word.lower() for word in words]
    if "new" not in lowered:
        raise NetshError("The syntax supplied for this command is not valid: write new before what changes.")
    at = lowered.index("new")
    rules = _matching(context, key_values(words[:at]))
    properties = _properties(key_values(words[at + 1 :]))
    if not properties:
        raise NetshError("The syntax supplied for this command is not valid: nothing changes.")
    context.disk.firewall.change(rules, **properties)
    await context.write(f"\nUpdated {len(rules)} rule(s).\n{OK}")
    return 0


async def _delete_rules(context: ProgramContext, values: dict[str, str]) -> int:
    rules = _matching(context, values)
    firewall = context.disk.firewall
    firewall.rules = [rule for rule in firewall.rules if rule not in rules]
    await context.write(f"\nDeleted {len(rules)} rule(s).\n{OK}")
    return 0
