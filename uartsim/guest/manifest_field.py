"""The rule for the value of one key in a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """The rule for the value of a key.

    Attributes:
        holds: ``str``, ``int``, ``float``, ``bool``, or ``list`` for an array of strings.
        required: whether the key must be present.
        choices: the only allowed values; empty allows all.
        is_file: whether the value names a file inside the guest's folder, which must exist.
        is_folder: the same for a folder.
        is_switch: whether the value names a setting that is true or false.
        fields: the rules for each table, if the array is one of tables instead of strings.
    """

    holds: type
    required: bool = False
    choices: tuple[str, ...] = ()
    is_file: bool = False
    is_folder: bool = False
    is_switch: bool = False
    fields: Mapping[str, Field] | None = None
