"""Enter does nothing: what image, boot loader and kernel have wrong, and the way out."""

from __future__ import annotations

import pytest

from tests.scenarios.conftest import Scene
from uartsim.console.console_errors import ExpectTimeout

#: How long a console that shows nothing is watched, in seconds.
SILENCE_S = 5.0


@pytest.mark.scenario("getty-masked", guests=("debian-12", "debian-12-uefi"))
def test_masked_getty_is_unmasked_in_rescue_mode(scene: Scene) -> None:
    console = scene()
    console.expect("Reached target .*Multi-User")
    console.sendline()
    with pytest.raises(ExpectTimeout):
        console.expect("login: $", timeout=SILENCE_S)
    console.reset()
    console.grub.select("Debian GNU/Linux")
    console.grub.edit(r"^\s*linux\s", append=" systemd.unit=rescue.target")
    console.grub.boot()
    console.expect(r"Control-D to continue\): ?$")
    console.send_secret("toor")
    assert console.run("systemctl unmask serial-getty@ttyS0.service").status == 0
    console.sendline("reboot")
    console.expect("reboot: Restarting system")
    console.login("root", "toor")
    assert console.run("systemctl is-active serial-getty@ttyS0.service").output == "active\n"
