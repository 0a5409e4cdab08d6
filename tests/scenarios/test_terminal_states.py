"""Terminal: sizes, characters, time limits and hang-ups of a real shell on COM1."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import Scene
from tests.scenarios.ways_out import SILENCE_S
from uartsim.console.console_errors import ExpectTimeout

LONG = "echo " + "0123456789" * 5


@pytest.mark.scenario("wrong-size")
def test_long_line_is_whole_after_the_shell_is_told_the_size(scene: Scene) -> None:
    console = scene()
    console.send(LONG)
    console.wait_for_quiet(1)
    assert LONG not in console.screen.text.replace(" \n", "\n")
    console.send("\x15")  # Ctrl-U
    console.wait_for_quiet(1)
    console.resize(24, 80)
    console.sendline()
    console.expect("# ?$")
    console.send(LONG)
    console.wait_for_quiet(1)
    assert LONG in console.screen.text
    console.send("\x15")
    assert console.run("stty size; sed -i '/stty rows/d' /root/.profile").output == "24 80\n"


@pytest.mark.scenario("utf-8")
def test_characters_of_several_bytes_come_through_whole(scene: Scene) -> None:
    console = scene()
    text = "Grüße, 世界 €"
    assert console.run(f"echo '{text}'").output == f"{text}\n"
    assert console.run(f"cd /tmp; touch '{text}'; ls G*").output == f"{text}\n"
    console.type("echo é")
    console.send("\x7f\r")  # a whole character is taken back
    console.expect("echo ")
    assert console.run("echo well").output == "well\n"


@pytest.mark.scenario("8-bit")
def test_all_eight_bits_come_through(scene: Scene) -> None:
    console = scene()
    console.sendline(b"printf '\xe4\xf6\xfc' | od -An -tx1")
    console.expect("e4 f6 fc")
    console.sendline(r"printf '<\344\366\374>'")
    console.expect("# ?$")
    assert b"<\xe4\xf6\xfc>" in console.raw


@pytest.mark.scenario("tmout")
def test_shell_that_logs_idle_people_out_is_told_not_to(scene: Scene) -> None:
    console = scene()
    console.login("root", "toor")
    console.expect("timed out waiting for input: auto-logout")
    console.login("root", "toor")
    console.run("unset TMOUT; sed -i /TMOUT/d /root/.profile")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=2 * SILENCE_S)
    assert console.run("echo well").output == "well\n"


@pytest.mark.scenario("hang-up")
def test_lost_carrier_logs_out_without_clocal(scene: Scene) -> None:
    console = scene()
    assert "-clocal" in console.run("stty -a").output
    console.line.set_modem(dtr=False)
    console.wait_for_quiet(1)
    console.line.set_modem(dtr=True)
    console.expect("login: ?$")
    console.login("root", "toor")


@pytest.mark.scenario("hang-up-clocal")
def test_lost_carrier_means_nothing_with_clocal(scene: Scene) -> None:
    console = scene()
    assert " clocal" in console.run("stty -a; export STILL=here").output
    console.line.set_modem(dtr=False)
    console.wait_for_quiet(1)
    console.line.set_modem(dtr=True)
    assert console.run("echo $STILL").output == "here\n"
    console.sendline("exit")
    console.login("root", "toor")
    assert console.run("echo $STILL").output == "\n"


@pytest.mark.scenario("tmout-demo", guests=("demo",))
def test_idle_shell_of_the_scripted_guest_logs_out_after_ten_minutes(scene: Scene) -> None:
    console = scene(clock="virtual")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=598)
    console.expect("timed out waiting for input: auto-logout", timeout=3)
    console.login("root", "toor")
    console.run("rm .bash_profile; echo export TMOUT=60 >> .profile")  # the next shell reads .profile
    console.sendline("exit")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=58)
    console.expect("timed out waiting for input: auto-logout", timeout=3)
    console.login("root", "toor")
    assert console.run("unset TMOUT; rm .profile").status == 0
    console.sendline("exit")
    console.login("root", "toor")
    with pytest.raises(ExpectTimeout):
        console.expect("auto-logout", timeout=3600)
    assert console.run("echo well").output == "well\n"
