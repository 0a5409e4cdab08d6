"""The options of ``uartsim run`` that change a guest's disk before it boots: refused where they make no sense."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from uartsim.cli.run_command import run
from uartsim.errors import UsageError

REFUSED = [
    (["demo", "--edit", "/etc/issue=:x"], "guest 'demo' has no disk: .* has the option 'edit'"),
    (["demo", "--grub", "GRUB_TIMEOUT=1"], "has the option 'grub'"),
    (["linux", "--seed", "alice:secret"], "guest 'linux' has no disk: .* has the option 'seed'"),
    (["debian-12-cloud-init", "--edit", "/etc/issue"], "--edit '/etc/issue': write it as GUESTPATH=FILE"),
    (["debian-12-cloud-init", "--edit", "/etc/issue=/nowhere"], "/nowhere cannot be read"),
    (["debian-12-cloud-init", "--grub", "GRUB_TIMEOUT="], "give a number of seconds"),
    (["debian-12-cloud-init", "--grub", "GRUB_THEME=x"], "update-grub computes the menu from it"),
    (["debian-12-cloud-init", "--seed", "alice"], "there is no such folder as 'alice'; use USER:PASSWORD"),
    (["debian-12-cloud-init", "--seed", ""], "--seed '' is empty"),
]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [pytest.param(arguments, words, marks=pytest.mark.needs(guest=arguments[0])) for arguments, words in REFUSED],
)
def test_option_that_makes_no_sense_is_refused(arguments: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        CliRunner().invoke(run, arguments, catch_exceptions=False)
