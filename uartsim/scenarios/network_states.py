"""Rescue: a machine that nobody reaches by SSH."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import AppendText, ImageStep, KernelParameters, ReplaceText, WriteText
from uartsim.scenarios.scenario import Scenario
from uartsim.scenarios.systemd_units import service_at_boot, started_at_boot

_NETWORK: Final = "/etc/systemd/network/80-dhcp.network"
#: firewalld's zone for interfaces that no other zone names; Debian's has the service ssh too.
_ZONE: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<zone>
  <short>Public</short>
  <service name="dhcpv6-client"/>
</zone>
"""
#: The user's key, whose private half nobody has kept.
_KEY: Final = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMpr+ipEjyDAmhXMX0W/CDmR1OPImJ10c4D32bkmuRK1 user@laptop"
_SSH: Final = frozenset({"disk", "grub", "systemd", "ssh"})
#: The network and the SSH server are started at each boot.
_ONLINE: Final[tuple[ImageStep, ...]] = (started_at_boot("online", "systemd-networkd.service", "ssh.service"),)
#: What leads to the guest's SSH server.
_FORWARD: Final = {"net": "user", "forward": ("22",)}

SCENARIOS: Final = (
    Scenario(
        name="sshd-misconfigured",
        group="rescue",
        summary="the SSH server does not start: a line of its configuration is wrong",
        cause="/etc/ssh/sshd_config ends with a line that sshd does not know.",
        shown='"Failed to start ssh.service"; the login prompt is as ever.',
        way_out="Somebody logs in at the console, sshd -t names the line, it is taken out, and the server is started.",
        test="test_ssh_server_is_mended_over_the_console",
        rows=("A-056", "P-034"),
        needs=_SSH,
        concerns=frozenset({"sshd", "network"}),
        image=(*_ONLINE, AppendText("/etc/ssh/sshd_config", "PermitRootLgin yes\n")),
        options=_FORWARD,
    ),
    Scenario(
        name="iptables-blocks-ssh",
        group="rescue",
        summary="iptables drops all that comes in for SSH",
        cause="A service loads a rule at each boot that drops TCP to port 22.",
        shown="Nothing of it: the boot and the login prompt are as ever.",
        way_out="Somebody logs in at the console, iptables -L shows the rule, it is deleted, and its service disabled.",
        test="test_rule_that_drops_ssh_is_deleted_over_the_console",
        rows=("A-053", "P-030"),
        needs=_SSH | {"iptables"},
        concerns=frozenset({"firewall", "network"}),
        image=(
            *_ONLINE,
            *service_at_boot(
                "rules",
                "[Unit]\nDescription=Rules of the packet filter\nBefore=ssh.service\n[Service]\nType=oneshot\n"
                "RemainAfterExit=yes\nExecStart=/usr/sbin/iptables -A INPUT -p tcp --dport 22 -j DROP\n",
            ),
        ),
        options=_FORWARD,
    ),
    Scenario(
        name="firewalld-blocks-ssh",
        group="rescue",
        summary="firewalld rejects all that comes in for SSH",
        cause="The zone public of firewalld has no service ssh.",
        shown="Nothing of it: the boot and the login prompt are as ever.",
        way_out="Somebody logs in at the console, firewall-cmd --list-services shows it, ssh is added, and kept.",
        test="test_firewalld_lets_ssh_in_again_over_the_console",
        rows=("A-053", "P-030"),
        needs=_SSH | {"firewalld"},
        concerns=frozenset({"firewall", "network"}),
        image=(*_ONLINE, WriteText("/etc/firewalld/zones/public.xml", _ZONE)),
        options=_FORWARD,
    ),
    Scenario(
        name="interfaces-down",
        group="rescue",
        summary="all network interfaces are down",
        cause="The file that configures them says ActivationPolicy=always-down.",
        shown="Nothing of it: the boot and the login prompt are as ever.",
        way_out="Somebody logs in at the console, ip link shows it, the line is taken out, networkctl reload.",
        test="test_interfaces_are_brought_up_over_the_console",
        rows=("A-056", "P-036"),
        needs=_SSH,
        concerns=frozenset({"network"}),
        image=(
            *_ONLINE,
            ReplaceText(
                _NETWORK,
                r"^\[Network\]",
                "[Link]\nActivationPolicy=always-down\n\n[Network]",
            ),
        ),
        options=_FORWARD,
    ),
    Scenario(
        name="no-interface",
        group="rescue",
        summary="the machine has no network interface",
        cause="QEMU gives the machine no network card.",
        shown="Nothing of it: the boot and the login prompt are as ever.",
        way_out="Somebody logs in at the console and works there.",
        test="test_console_works_on_a_machine_without_a_network_card",
        rows=("A-056", "P-036"),
        needs=frozenset({"linux", "disk"}),
        concerns=frozenset({"network"}),
        start="login",
        options={"net": "none"},
    ),
    Scenario(
        name="no-network-driver",
        group="rescue",
        summary="the machine has a network card and no interface: its driver is not loaded",
        cause="modprobe.blacklist=virtio_net on the kernel's line.",
        shown="Nothing of it: the boot and the login prompt are as ever.",
        way_out="Somebody logs in at the console, modprobe loads the driver, and the word is taken out of /etc/default/grub.",
        test="test_network_driver_is_loaded_over_the_console",
        rows=("A-056", "P-036"),
        needs=_SSH,
        concerns=frozenset({"network"}),
        image=_ONLINE,
        kernel=KernelParameters(add="modprobe.blacklist=virtio_net"),
        options=_FORWARD,
    ),
    Scenario(
        name="ssh-key-only",
        group="rescue",
        summary="the machine's user has an SSH key and no password, and root is locked",
        cause="The passwords of root and of the user in /etc/shadow are '!'.",
        shown='"Login incorrect", whatever is typed.',
        way_out="A password is set from outside, as by the portal's Reset password, and logs in.",
        test="test_user_with_a_key_only_gets_a_password_from_outside",
        rows=("A-013", "A-032", "A-126"),
        needs=frozenset({"disk", "linux", "agent"}),
        concerns=frozenset({"root-password"}),
        image=(
            ReplaceText("/etc/shadow", r"^(root|user):[^:]*:", r"\1:!:"),
            WriteText("/home/user/.ssh/authorized_keys", f"{_KEY}\n"),
        ),
    ),
    Scenario(
        name="ssh-key-only-demo",
        group="rescue",
        summary="the scripted machine's user has an SSH key and no password, and root is locked",
        cause="The scripted guest, which plays its own part, has '!' for root and its user in /etc/shadow, and a key of the "
        "user's.",
        shown='"Login incorrect", whatever is typed.',
        way_out="A password is set from outside, as by the portal's Reset password, and logs in.",
        test="test_user_of_the_scripted_guest_gets_a_password_from_outside",
        rows=("A-013", "A-032", "A-126"),
        needs=frozenset({"demo"}),
        concerns=frozenset({"root-password"}),
        settings={"password": "", "user": "azureuser", "user_password": ""},
    ),
)
