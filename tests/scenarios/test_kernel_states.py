"""Kernel: SysRq, NMI, panics and log levels, on real kernels."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import KERNEL_LINE, SILENCE_S, reboot, set_default, shows_nothing
from uartsim.blocking import Console
from uartsim.console.console_errors import ExpectTimeout

KERNELS = ("linux", "debian-12", "alpine")
NO_ROOT = r"Kernel panic - not syncing: VFS: Unable to mount root fs"
#: How a machine starts: alpine's kernel is quiet, and linux has no GRUB.
STARTS = "Linux version|GNU GRUB"
STORM = "storm: link is down"


@pytest.mark.scenario("sysrq-mask", guests=KERNELS)
def test_keys_that_the_mask_refuses_are_allowed_by_root(scene: Scene) -> None:
    console = scene()
    console.sysrq("h")
    console.expect(r"sysrq: HELP : loglevel\(0-9\)")
    for key in "tc":
        console.sysrq(key)
        console.expect("sysrq: This sysrq operation is disabled.")
    console.login("root", "toor")
    console.run("echo 1 >/proc/sys/kernel/sysrq")
    console.sysrq("t")
    console.expect("sysrq: Show State")
    console.wait_for_quiet(2)
    console.sysrq("c")
    console.expect("Kernel panic - not syncing: sysrq triggered crash")
    console.reset()
    console.login("root", "toor")


@pytest.mark.scenario("sysrq-reboot", guests=KERNELS)
def test_break_and_b_restart_the_machine(scene: Scene) -> None:
    console = scene()
    console.sysrq("b")
    console.expect("sysrq: Resetting")
    console.expect(STARTS)
    console.login("root", "toor")


@pytest.mark.scenario("sysrq-reisub", guests=KERNELS)
def test_reisub_leaves_a_clean_file_system(scene: Scene, scenario_guest: str) -> None:
    console = scene(allow=["linux.*", "systemd.*"])
    for key, answer in (
        ("8", "sysrq: Loglevel set to 8"),  # a kernel that is quiet does not say when it has synchronized
        ("r", "sysrq: Keyboard mode set to system default"),
        ("e", "sysrq: Terminate All Tasks"),
        ("i", "sysrq: Kill All Tasks"),
        ("s", "sysrq: Emergency Sync"),
        ("u", "sysrq: Emergency Remount R/O"),
        ("b", "sysrq: Resetting"),
    ):
        console.sysrq(key)
        console.expect(answer)
        if key in "ei":
            console.expect("login: ?$")  # a port that nobody has open takes no break
        if key in "su":
            console.expect("Emergency Sync complete|Emergency Remount complete")
    console.expect(STARTS)
    console.login("root", "toor")
    if scenario_guest == "debian-12":
        check = console.run("journalctl -b -q -o cat -u systemd-fsck-root").output
        assert "clean," in check
        assert "recovering journal" not in check


@pytest.mark.scenario("sysrq-disabled", guests=KERNELS)
def test_sysrq_that_is_off_is_switched_on(scene: Scene) -> None:
    console = scene()
    console.sysrq("h")
    with pytest.raises(ExpectTimeout):
        console.expect("sysrq", timeout=SILENCE_S)
    assert "login: h" in console.screen.text
    console.login("root", "toor")
    assert console.run("cat /proc/sys/kernel/sysrq").output == "0\n"
    console.run("echo 1 >/proc/sys/kernel/sysrq")
    console.sysrq("h")
    console.expect("sysrq: HELP")


@pytest.mark.scenario("nmi-unknown", guests=KERNELS)
def test_machine_goes_on_after_an_nmi(scene: Scene) -> None:
    console = scene()
    console.nmi()
    console.expect("NMI received for unknown reason")
    console.expect("Dazed and confused, but trying to continue")
    console.login("root", "toor")
    assert console.run("echo well").output == "well\n"


@pytest.mark.scenario("nmi-panic", guests=KERNELS)
def test_nmi_stops_the_kernel_and_a_reset_brings_it_back(scene: Scene) -> None:
    console = scene(allow=["linux.panic", "linux.reboot"])
    console.nmi()
    console.expect("Kernel panic - not syncing: NMI: Not continuing")
    shows_nothing(console)
    console.reset()
    console.login("root", "toor")


@pytest.mark.scenario("panic", guests=("debian-12", "debian-12-uefi"))
def test_kernel_that_panics_at_each_boot_is_mended_from_grub(scene: Scene) -> None:
    console = scene(allow=["linux.panic", "linux.no-root", "linux.*"])
    console.expect(NO_ROOT)
    shows_nothing(console)
    console.reset()
    console.grub.select("Debian GNU/Linux")
    console.grub.edit(KERNEL_LINE, remove=r" rdinit=\S+")
    console.grub.boot()
    console.login("root", "toor")
    set_default(console, 's/ rdinit=[^ "]*//')
    reboot(console)
    console.login("root", "toor")


@pytest.mark.scenario("panic-reboot")
def test_machine_that_restarts_by_itself_is_caught_in_grub(scene: Scene) -> None:
    console = scene(allow=["linux.*", "guest.off"])
    console.expect(NO_ROOT)
    console.expect(r"Rebooting in 5 seconds\.\.")
    console.grub.wait_for_menu()
    console.grub.select("Debian GNU/Linux")
    console.grub.edit(KERNEL_LINE, remove=r" panic=5 rdinit=\S+")
    console.grub.boot()
    console.login("root", "toor")
    set_default(console, 's/ panic=5 rdinit=[^ "]*//')
    reboot(console)
    console.login("root", "toor")


@pytest.mark.scenario("printk-storm")
def test_login_is_possible_in_a_storm_of_kernel_lines(scene: Scene) -> None:
    console = scene()
    console.expect(STORM)
    console.login("root", "toor")
    console.sendline("echo $((6 * 7)) all the same")
    console.expect("42 all the same")
    _storm_goes_on(console)
    console.sysrq("0")
    console.wait_for_quiet(2)
    console.sendline("dmesg -n 8")
    _storm_goes_on(console)
    console.sendline("dmesg -n 1")
    console.wait_for_quiet(2)
    assert console.run("systemctl mask --now storm.service").status == 0
    reboot(console)
    console.login("root", "toor")
    assert console.run("dmesg | grep -c storm:").output == "0\n"


@pytest.mark.scenario("console-loglevel", guests=("linux", "debian-12"))
def test_kernel_messages_come_back_with_the_log_level(scene: Scene, scenario_guest: str) -> None:
    console = scene()
    console.login("root", "toor")
    console.run("echo '<3>unseen error' >/dev/kmsg")
    assert not console.kernel_lines
    console.sysrq("8")
    console.expect("sysrq: Loglevel set to 8")
    _message_comes(console, "seen after a break and 8")
    console.run("dmesg -n 1; echo '<3>unseen error' >/dev/kmsg")
    console.sendline("dmesg -n 8")
    _message_comes(console, "seen after dmesg -n 8")
    assert not [line.text for line in console.kernel_lines if "unseen" in line.text]
    if scenario_guest == "debian-12":
        set_default(console, "s/ loglevel=1//")
        reboot(console)
        console.expect("Linux version")
        console.login("root", "toor")


def _storm_goes_on(console: Console) -> None:
    for _ in range(5):
        console.expect(STORM)


def _message_comes(console: Console, text: str) -> None:
    console.sendline(f"echo '<7>{text}' >/dev/kmsg")
    console.expect(rf"\] {text}\s")
