"""Enter does nothing: what has happened to the line, or to a machine that ran, and the way out."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import reboot, shows_nothing

BOTH = ("debian-12", "linux")


@pytest.mark.scenario("xoff-received", guests=BOTH)
def test_output_that_was_stopped_comes_after_ctrl_q(scene: Scene, scenario_guest: str) -> None:
    console = scene()
    has_agent = scenario_guest == "debian-12"
    console.sendline("echo held; touch /tmp/done")
    shows_nothing(console, ".")
    if has_agent:  # bash waits for its output to leave before it begins a command
        assert console.agent.run_command("test -e /tmp/done").status == 1
    console.send("\x11")
    console.expect("^held$")
    console.line.clear_faults("xoff")
    assert console.run("ls /tmp/done").status == 0


@pytest.mark.scenario("cts-low")
def test_guest_that_waits_for_cts_goes_on_when_it_comes(scene: Scene) -> None:
    console = scene()
    shows_nothing(console, ".")
    console.line.clear_faults("lost-cts")
    console.expect("login: ?$")
    console.login("root", "toor")
    assert "crtscts" in console.run("stty -a").output


@pytest.mark.scenario("echo-off")
def test_echo_is_switched_on_blindly(scene: Scene) -> None:
    console = scene()
    console.sendline("root")
    console.expect("Password: ?$")
    console.send_secret("toor")
    console.expect("# ?$")
    console.sendline()
    console.expect("# ?$")
    console.sendline("echo $((40 + 2))")
    console.expect("42")
    assert "echo" not in console.before  # carried out, and not shown
    console.sendline("stty sane; sed -i /-echo/d /root/.profile")
    console.wait_for_quiet(1)
    console.type("true")  # shown
    console.send("\r")
    console.sendline("exit")
    console.login("root", "toor")
    assert console.run("stty -a | grep -c -- ' -echo '").output == "0\n"


@pytest.mark.scenario("stuck-writer")
def test_writer_that_never_ends_is_stopped_blindly(scene: Scene) -> None:
    console = scene()
    console.expect("(watchdog: all is well\n){100}")
    console.sendline("root")
    console.expect("Password:")
    console.send_secret("toor")
    console.expect("root@debian")
    console.sendline("systemctl mask --now writer.service")
    console.wait_for_quiet(2)
    assert console.run("echo quiet").output == "quiet\n"
    reboot(console)
    console.login("root", "toor")
    assert console.run("systemctl is-active writer.service").output == "inactive\n"


@pytest.mark.scenario("paused", guests=BOTH)
def test_paused_machine_answers_when_it_goes_on(scene: Scene) -> None:
    console = scene()
    shows_nothing(console, ".")
    console.resume()
    console.expect("login: ?$")
    console.login("root", "toor")
    console.pause()
    console.snapshots.checkpoint()  # it stays paused
    shows_nothing(console, ".")
    console.resume()
    assert console.run("echo well").output == "well\n"


@pytest.mark.scenario("panicked", guests=BOTH)
def test_machine_that_has_panicked_is_reset(scene: Scene) -> None:
    console = scene(allow=["linux.panic"])
    console.expect("Kernel panic - not syncing: NMI: Not continuing")
    shows_nothing(console)
    console.reset()
    console.login("root", "toor")
