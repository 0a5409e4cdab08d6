"""Enter does nothing: what image, boot loader and kernel have wrong."""

from __future__ import annotations

from typing import Final

from uartsim.images.image_steps import WriteText
from uartsim.scenarios.scenario import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        name="getty-masked",
        group="no-answer",
        summary="no login prompt: the unit of the serial getty is masked",
        cause="An empty file /etc/systemd/system/serial-getty@ttyS0.service masks the unit.",
        shown="The boot log up to its end, and then nothing, whatever is typed.",
        way_out="In GRUB's editor, systemd.unit=rescue.target at the end of the kernel's line; root's password; "
        "systemctl unmask serial-getty@ttyS0.service; reboot.",
        test="test_masked_getty_is_unmasked_in_rescue_mode",
        needs=frozenset({"disk", "grub", "systemd"}),
        concerns=frozenset({"getty"}),
        image=(WriteText("/etc/systemd/system/serial-getty@ttyS0.service", ""),),
    ),
)
