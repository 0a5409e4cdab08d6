"""The command ``save``: a snapshot of a running machine."""

from __future__ import annotations

import os
from typing import Final

import click

from uartsim.cli.ask_machine import ask_machine, chosen
from uartsim.cli.completion_values import complete_machine_and_folder
from uartsim.cli.help_text import described
from uartsim.errors import UsageError

#: How long saving may take: a large memory on a slow disk, in seconds.
_LONGEST_S: Final = 3600.0


@described(
    "Save a running machine as a snapshot.",
    "uartsim save linux ./logged-in  # then: uartsim run linux --restore ./logged-in",
)
@click.command()
@click.argument("words", nargs=-1, metavar="[NAME] FOLDER", shell_complete=complete_machine_and_folder)
def save(words: tuple[str, ...]) -> None:
    """Save machine NAME, or the only one that runs, guest, disks and chip together, in FOLDER.

    'uartsim run GUEST --restore FOLDER' goes on from there.  A snapshot that is in FOLDER is replaced when the new one is
    whole; a folder with anything else in it is refused.
    """
    if not 1 <= len(words) <= 2:
        raise UsageError("save [NAME] FOLDER: give the folder that is to hold the snapshot")
    folder = words[-1]
    name = chosen(words[0] if len(words) == 2 else None)
    ask_machine(name, "save", _LONGEST_S, folder=os.path.abspath(folder))
