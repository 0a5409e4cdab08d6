"""The guest debian-installer: a CD made of Debian's packages, booted at register level to its dialogs."""

from __future__ import annotations

import re

import pytest

from tests.patience import SCALE
from uartsim import blocking

#: How long a boot may take without KVM on a busy machine, in seconds.
BOOT_S = 300.0


@pytest.mark.images
@pytest.mark.needs("xorriso", "gcc", guest="debian-installer")
def test_the_installer_asks_for_the_language_and_goes_on() -> None:
    with blocking.open_console("debian-installer", registers=True, timeout=BOOT_S, timeout_scale=SCALE) as console:
        console.expect("boot: ")
        console.expect("Select a language")
        console.wait_for_quiet(2.0)
        assert "Choose the language to be used for the installation process." in console.screen.text
        assert "English" in console.screen.text
        console.send("\r")
        console.expect("Select your location")
        console.wait_for_quiet(2.0)
        assert "United States" in console.screen.text

        # Its second console, in GNU Screen, has a shell.
        console.send("\x012")
        console.expect("BusyBox")
        console.wait_for_quiet(2.0)
        console.send("cat /proc/sys/kernel/random/boot_id\r")
        console.expect(re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"))
