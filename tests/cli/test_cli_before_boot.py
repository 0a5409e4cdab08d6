"""The options of ``uartsim run`` that change a guest's disk before it boots: refused where they make no sense."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from uartsim.cli.run_command import run
from uartsim.errors import UsageError

LINUX = pytest.mark.needs(guest="linux")
SEEDED = pytest.mark.needs(guest="debian-12-cloud-init")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["demo", "--edit", "/etc/issue=:x"], "guest 'demo' has no disk: .* has the option 'edit'"),
        (["demo", "--grub", "GRUB_TIMEOUT=1"], "has the option 'grub'"),
        pytest.param(
            ["linux", "--seed", "alice:secret"], "guest 'linux' has no disk: .* has the option 'seed'", marks=LINUX
        ),
        pytest.param(
            ["debian-12-cloud-init", "--edit", "/etc/issue"],
            "--edit '/etc/issue': write it as GUESTPATH=FILE",
            marks=SEEDED,
        ),
        pytest.param(
            ["debian-12-cloud-init", "--edit", "/etc/issue=/nowhere"], "/nowhere cannot be read", marks=SEEDED
        ),
        pytest.param(["debian-12-cloud-init", "--grub", "GRUB_TIMEOUT="], "give a number of seconds", marks=SEEDED),
        pytest.param(
            ["debian-12-cloud-init", "--grub", "GRUB_THEME=x"], "update-grub computes the menu from it", marks=SEEDED
        ),
        pytest.param(
            ["debian-12-cloud-init", "--seed", "alice"],
            "there is no such folder as 'alice'; use USER:PASSWORD",
            marks=SEEDED,
        ),
        pytest.param(["debian-12-cloud-init", "--seed", ""], "--seed '' is empty", marks=SEEDED),
    ],
)
def test_option_that_makes_no_sense_is_refused(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        CliRunner().invoke(run, arguments, catch_exceptions=False)
