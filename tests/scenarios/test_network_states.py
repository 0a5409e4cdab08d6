"""Machines that SSH does not reach, mended over COM1 until it does, also after another boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ssh_client import is_refused, logs_in
from tests.scenarios.ways_out import reboot, refused
from uartsim.blocking import Console

#: Loads the network's configuration again, which names an interface that was down or is new.
TAKE_UP = "networkctl reload; for i in /sys/class/net/e*; do networkctl up ${i##*/}; done"


def log_in_booted(console: Console) -> None:
    """Log in, and wait until the system has started all that it starts: what SSH is refused then, it is refused."""
    console.login("root", "toor")
    console.run("systemctl is-system-running --wait")


def wait_online(console: Console) -> None:
    """Wait until the guest has an address and a default route."""
    assert console.run("until ip route | grep -q ^default; do sleep 1; done").status == 0


def is_well_after_a_reboot(console: Console, folder: Path) -> bool:
    reboot(console)
    log_in_booted(console)
    wait_online(console)
    return logs_in(console, folder)


@pytest.mark.needs("ssh")
@pytest.mark.scenario("sshd-misconfigured")
def test_ssh_server_is_mended_over_the_console(scene: Scene, tmp_path: Path) -> None:
    console = scene(allow=["systemd.*"])
    console.expect("Failed to start .*ssh")
    log_in_booted(console)
    wait_online(console)
    assert is_refused(console, tmp_path)
    assert "PermitRootLgin" in console.run("sshd -t").output
    assert console.run("sed -i /PermitRootLgin/d /etc/ssh/sshd_config; systemctl restart ssh.service").status == 0
    assert logs_in(console, tmp_path)
    assert is_well_after_a_reboot(console, tmp_path)


@pytest.mark.needs("ssh")
@pytest.mark.scenario("iptables-blocks-ssh")
def test_rule_that_drops_ssh_is_deleted_over_the_console(scene: Scene, tmp_path: Path) -> None:
    console = scene()
    log_in_booted(console)
    wait_online(console)
    assert console.run("systemctl is-active ssh.service").output == "active\n"
    assert is_refused(console, tmp_path)
    assert "dpt:22" in console.run("iptables -nL INPUT").output
    assert console.run("iptables -D INPUT 1 && systemctl mask rules.service").status == 0
    assert logs_in(console, tmp_path)
    assert is_well_after_a_reboot(console, tmp_path)


@pytest.mark.needs("ssh")
@pytest.mark.scenario("firewalld-blocks-ssh", guests=("debian-12-server",))
def test_firewalld_lets_ssh_in_again_over_the_console(scene: Scene, tmp_path: Path) -> None:
    console = scene()
    log_in_booted(console)
    wait_online(console)
    assert console.run("systemctl is-system-running").output == "running\n"
    assert console.run("systemctl is-active ssh.service firewalld.service").output == "active\nactive\n"
    assert is_refused(console, tmp_path)
    assert console.run("firewall-cmd --list-services").output == "dhcpv6-client\n"
    assert console.run("firewall-cmd --permanent --add-service=ssh && firewall-cmd --reload").status == 0
    assert logs_in(console, tmp_path)
    assert is_well_after_a_reboot(console, tmp_path)


@pytest.mark.needs("ssh")
@pytest.mark.scenario("interfaces-down")
def test_interfaces_are_brought_up_over_the_console(scene: Scene, tmp_path: Path) -> None:
    console = scene()
    log_in_booted(console)
    assert is_refused(console, tmp_path)
    assert " state DOWN" in console.run("ip link").output
    assert console.run("sed -i /ActivationPolicy/d /etc/systemd/network/80-dhcp.network").status == 0
    assert console.run(TAKE_UP).status == 0
    wait_online(console)
    assert logs_in(console, tmp_path)
    assert is_well_after_a_reboot(console, tmp_path)


@pytest.mark.needs("ssh")
@pytest.mark.scenario("no-network-driver")
def test_network_driver_is_loaded_over_the_console(scene: Scene, tmp_path: Path) -> None:
    console = scene()
    log_in_booted(console)
    assert console.run("ls /sys/class/net").output.split() == ["lo"]
    assert is_refused(console, tmp_path)
    assert console.run("modprobe virtio_net && udevadm settle").status == 0
    assert console.run(TAKE_UP).status == 0
    wait_online(console)
    assert logs_in(console, tmp_path)
    assert console.run("sed -i 's/ *modprobe.blacklist=virtio_net//' /etc/default/grub && update-grub").status == 0
    assert is_well_after_a_reboot(console, tmp_path)


@pytest.mark.scenario("no-interface", guests=("debian-12", "alpine"))
def test_console_works_on_a_machine_without_a_network_card(scene: Scene) -> None:
    console = scene()
    console.login("root", "toor")
    assert console.run("ls /sys/class/net").output.split() == ["lo"]
    assert console.run("echo well").output == "well\n"


@pytest.mark.scenario("ssh-key-only")
def test_user_with_a_key_only_gets_a_password_from_outside(scene: Scene) -> None:
    console = scene(allow=["login.denied"])
    refused(console, "user", "user")
    refused(console, "root", "toor")
    console.agent.set_password("user", "a new one")
    console.login("user", "a new one")
    assert console.run("id -un").output == "user\n"


@pytest.mark.scenario("ssh-key-only-demo", guests=("ssh-key-only", "demo"))
def test_user_of_the_scripted_guest_gets_a_password_from_outside(scene: Scene) -> None:
    console = scene(clock="virtual", allow=["login.denied"])
    refused(console, "azureuser", "azureuser")
    refused(console, "root", "toor")
    console.agent.set_password("azureuser", "a new one")
    console.login("azureuser", "a new one")
    assert "ssh-ed25519 " in console.run("cat .ssh/authorized_keys").output
    console.sendline("sudo reboot")
    console.expect("password for azureuser: ?$")
    console.send_secret("a new one")
    console.expect("reboot: Restarting system")
    console.login("azureuser", "a new one")
    assert console.run("id -un").output == "azureuser\n"
